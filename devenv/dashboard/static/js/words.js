/** The page's words in English and Korean: the English words are the key, what has no Korean stays English. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

/** @type {Record<string, string>} */
const KOREAN = {
  Live: "실시간",
  Keys: "키",
  "Try it": "직접 풀기",
  Scenarios: "시나리오",
  Explore: "탐색",
  Runs: "실행 기록",
  client: "클라이언트",
  proxy: "프록시",
  gate: "게이트",
  connected: "연결됨",
  "connecting…": "연결 중…",
  "loading…": "불러오는 중…",
  "connection lost, trying again": "연결이 끊겼습니다. 다시 시도합니다",
  "New challenge": "새 챌린지",
  "Right answer": "정답 제출",
  "Wrong answer": "오답 제출",
  "Empty answer": "빈 답 제출",
  "Ten visitors": "방문자 열 명",
  "Send requests": "요청 보내기",
  "The stack": "스택",
  Stream: "스트림",
  "Hold and release": "붙잡기와 보내기",
  "Hold the next command": "다음 명령 붙잡기",
  Release: "보내기",
  "Lose the reply": "응답 버리기",
  Pause: "일시정지",
  Resume: "계속",
  Why: "왜?",
  "Why?": "왜?",
  "Challenge not found": "Challenge not found",
  "Images": "이미지 고르기",
  "Image grid": "이미지 그리드",
  Handwriting: "손글씨",
  "Check my answer": "정답 확인",
  "Another one": "다른 문제",
  "Clear": "지우기",
  "Choose all pictures that show": "다음을 보여 주는 사진을 모두 고르세요",
  "Choose all cells that show": "다음이 있는 칸을 모두 고르세요",
  "Write by hand the word that these samples show": "아래 예시가 나타내는 단어를 손으로 쓰세요",
  "Passed": "통과했습니다",
  "Not right": "틀렸습니다",
  "created by": "만든 파드",
  "verified by": "검증한 파드",
  "The pod that verified is not the pod that created.": "검증한 파드는 만든 파드가 아닙니다.",
  "The same pod did both.": "같은 파드가 둘 다 처리했습니다.",
  "seconds left": "초 남음",
  "This challenge has run out.": "이 챌린지는 만료되었습니다.",
  Send: "제출",
  pod: "파드",
  "as the proxy chooses": "프록시가 고르는 대로",
  "Sessions in Redis": "Redis에 있는 세션",
  "Search the stream": "스트림 검색",
  all: "전체",
  requests: "요청",
  commands: "명령",
  problems: "문제",
  "What went wrong": "무엇이 잘못되었나",
  "What to change": "무엇을 바꿔야 하나",
  Run: "실행",
  "Restart": "재시작",
  "Kill": "강제 종료",
  policy: "정책",
  strategy: "전략",
};

const saved = (() => {
  try {
    return localStorage.getItem("devenv-language");
  } catch {
    return null;
  }
})();

export const language = signal(saved === "ko" || saved === "en" ? saved : navigator.language.startsWith("ko") ? "ko" : "en");

/** @param {"en"|"ko"} next */
export function setLanguage(next) {
  language.value = next;
  document.documentElement.lang = next;
  try {
    localStorage.setItem("devenv-language", next);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

document.documentElement.lang = language.value;

/** @param {string} text */
export function t(text) {
  return language.value === "ko" ? (KOREAN[text] ?? text) : text;
}
