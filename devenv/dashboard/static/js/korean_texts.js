/**
 * Texts of the server in Korean: names of causes and violations, scenarios, findings, errors and lines of progress.
 * What a text says besides its fixed words (a pod, a command, a number) stays as it is. Tests compare these with the
 * catalogue of failures and with the server's source.
 */

import { CHANGES, CHANGES_OF_SERVICES, CHANGES_WITH_SWITCH } from "./korean_changes.js";
import { ERRORS } from "./korean_errors.js";
import { NOTES, SCENARIOS } from "./korean_scenarios.js";

/** By the cause's name in docs/failures.md, or the name of a kind of violation. @type {Record<string, string>} */
const CAUSES = {
  "pod-memory": "세션이 파드 메모리에 있음",
  "pod-restart": "파드 재시작으로 메모리의 세션이 사라짐",
  "many-workers": "워커 프로세스마다 메모리가 따로 있음",
  "handwriting-global": "손글씨 단어가 프로세스마다 하나뿐임",
  "mixed-flags": "파드마다 USE_REDIS가 다름",
  "half-migration": "생성만 Redis로 옮기고 검증은 메모리를 봄",
  "prefix-mismatch": "파드마다 REDIS_PREFIX나 REDIS_DB가 다름",
  "wrong-port": "Redis에 연결하지 못해 메모리를 사용함",
  "redis-dies": "실행 중에 Redis가 사라짐",
  "redis-late": "파드가 Redis보다 먼저 시작됨",
  "redis-hangs": "Redis가 응답하지 않음",
  "writes-refused": "Redis가 쓰기를 거부함",
  "reply-lost": "명령은 실행되었으나 응답이 사라짐",
  "lost-attempt": "시도 하나가 세어지지 않음",
  "double-success": "챌린지 하나가 두 번 풀림",
  "resurrected-key": "삭제된 키가 되살아남",
  "empty-bypass": "빈 선택이 통과함",
  "expiry-inside-verify": "검증하는 동안 세션이 만료됨",
  "ttl-rounds-to-zero": "TTL이 0으로 반올림됨",
  "taken-out": "판정하는 동안 세션을 Redis에서 꺼냄",
  "wrong-type": "세션 키에 다른 값이 있음",
  "attempts-limit": "시도 횟수 제한이 지켜지지 않음",
  "flag-off-regression": "플래그를 껐는데 전과 다르게 동작함",
  "bad-port-value": "REDIS_PORT의 값이 포트가 아님",
  "standalone-cluster-client": "단독 서버에 클러스터 클라이언트를 사용함",
  "announce-unreachable": "클러스터가 알린 주소에 닿지 못함",
  "cluster-database": "클러스터에서 0번이 아닌 데이터베이스를 사용함",
  "cluster-plain-client": "클러스터에 일반 클라이언트를 사용함",
  unexplained: "원인을 알 수 없음",
  flushed: "Redis의 데이터가 사라짐",
  "double-click": "같은 정답을 동시에 두 번 보냄",
  "wrong-answer-passed": "오답이 통과함",
  "more-than-two-graded": "답이 세 번 이상 채점됨",
  "no-ttl": "TTL이 없는 키",
  "not-linearizable": "순서대로 처리한 결과와 일치하지 않음",
  user: "직접 정의한 규칙 위반",
};

/** Fixed sentences with values cut out, by the English ones. @type {Record<string, string>} */
const SENTENCES = {
  // findings
  "the session is {where} of {pod}, and {other} was asked for it": "세션은 {pod}의 {where}에 있는데 {other}에 요청이 갔습니다",
  "in the memory": "메모리",
  "in the memory, or on the disk,": "메모리나 디스크",
  "{pod} was restarted after it created the session: its memory went with the process": "{pod}는 세션을 만든 뒤 재시작되었고, 메모리는 프로세스와 함께 사라졌습니다",
  "{pod} created the session and did not find it again, with one process and the flag off": "{pod}는 프로세스가 하나이고 플래그가 꺼져 있는데도 자기가 만든 세션을 찾지 못했습니다",
  "{pod} created the session and did not find it again: another of its worker processes did": "{pod}는 세션을 만들었으나 다시 찾지 못했습니다. 다른 워커 프로세스가 만들었습니다",
  "Redis did not answer {pod}, which kept the session in its memory without a word": "Redis가 {pod}에 응답하지 않았고, {pod}는 알리지 않고 세션을 자기 메모리에 두었습니다",
  "Redis was stopped: {pod} could not write the session and reported no error": "Redis가 멈춰 있었습니다. {pod}는 세션을 쓰지 못했고 오류도 알리지 않았습니다",
  "Redis refuses {pod}: {command} → {reply}": "Redis가 {pod}를 거부합니다: {command} → {reply}",
  "{pod} kept the session in {kept}, {who} looked in {looked}": "{pod}는 세션을 {kept}에 두었고, {who}는 {looked}에서 찾았습니다",
  "its memory": "자기 메모리",
  "its own memory": "자기 메모리",
  "its own memory, or another Redis": "자기 메모리나 다른 Redis",
  "its own memory, or another Redis: its settings name {server}": "자기 메모리나 다른 Redis(설정의 주소: {server})",
  "its own memory, or another Redis: this pod alone was given {names}": "자기 메모리나 다른 Redis(이 파드에만 준 변수: {names})",
  "{pod}, since switched over,": "그사이 바뀐 {pod}",
  "Redis was {state}: {pod} could not look for the session there and reported no error": "Redis의 상태: {state}. {pod}는 거기서 세션을 찾지 못했고 오류도 알리지 않았습니다",
  "USE_REDIS=true, yet {pod} {how} and looked into {looked}": "USE_REDIS=true인데 {pod}는 {looked}를 보았습니다. {how}",
  "was refused by Redis": "Redis가 거부했습니다",
  "never said a word to this Redis": "Redis에 아무것도 보내지 않았습니다",
  "never had a reply from Redis": "Redis의 응답을 받은 적이 없습니다",
  "{pod} {how} and kept the session in {kept}": "{pod}는 세션을 {kept}에 두었습니다. {how}",
  "{pod} wrote the session to Redis, and verify on {other} still looked in memory": "{pod}는 세션을 Redis에 썼는데 {other}의 검증은 아직 메모리를 보았습니다",
  "Redis went away: {pod} could not write the session and reported no error": "Redis가 사라졌습니다. {pod}는 세션을 쓰지 못했고 오류도 알리지 않았습니다",
  "{pod}, which Redis had answered before, kept the session in its memory; {other} looked for it in Redis": "전에는 Redis의 응답을 받던 {pod}가 세션을 자기 메모리에 두었고, {other}는 Redis에서 찾았습니다",
  "Redis was not there yet when {pod} created the session: it lies in the pod's memory": "{pod}가 세션을 만들 때 Redis가 아직 없었습니다. 세션은 그 파드의 메모리에 있습니다",
  "{pod} wrote {key}, {other} looked for {sought}": "{pod}는 {key}에 썼고, {other}는 {sought}를 찾았습니다",
  "{pod} wrote to database {database}, {other} looked in database {sought}": "{pod}는 데이터베이스 {database}에 썼고, {other}는 데이터베이스 {sought}에서 찾았습니다",
  "Redis answered {pod} too late: the session is there, but the user got 'not found'": "Redis가 {pod}에 너무 늦게 응답했습니다. 세션은 있는데 사용자는 'not found'를 받았습니다",
  "Redis {how} {pod}, which answered 'not found'": "{pod}는 'not found'라고 응답했습니다. Redis: {how} {pod}",
  "{key} was written with a time to live and was gone before it: no pod deleted it": "{key}는 TTL과 함께 쓰였으나 그 전에 사라졌습니다. 지운 파드는 없습니다",
  "{pod} had taken the session out of Redis to judge another answer, and {other} found none": "{pod}가 다른 답을 판정하려고 세션을 Redis에서 꺼낸 사이에 {other}는 세션을 찾지 못했습니다",
  "Redis ran {command} for {pod}, but the reply never arrived: the session has ended, and the user, who tried again, got 'not found'": "Redis가 {pod}의 {command}을(를) 실행했으나 응답이 오지 않았습니다. 세션은 끝났고, 다시 시도한 사용자는 'not found'를 받았습니다",
  "{pod} ended the session after {count}, though {limit} are allowed": "{pod}는 {limit}번까지 허용되는데 {count} 뒤에 세션을 끝냈습니다",
  "{pod} opened the session, was not restarted, and did not find it again: it had ended (an idle time-out, or a limit of the server's own), or the server lost it": "{pod}는 세션을 열었고 재시작되지 않았는데도 다시 찾지 못했습니다. 세션이 끝났거나(유휴 제한 시간 또는 서버 자체의 한도) 서버가 잃어버렸습니다",
  "{pod} uses a cluster client and never connects: {why}": "{pod}는 클러스터 클라이언트를 쓰며 한 번도 연결하지 못합니다: {why}",
  "this server is no cluster": "이 서버는 클러스터가 아닙니다",
  "{pod} got the addresses of the cluster's nodes and reached none of them": "{pod}는 클러스터 노드의 주소를 받았으나 하나에도 닿지 못했습니다",
  "{pod} wants database {database} of a cluster: {reply}": "{pod}가 클러스터의 데이터베이스 {database}를 요구합니다: {reply}",
  "the key's slot belongs to another cluster node ({reply}); a plain client does not follow": "키의 슬롯이 클러스터의 다른 노드에 있습니다({reply}). 일반 클라이언트는 따라가지 않습니다",
  "Redis refused {command} ({reply}): nothing is counted, and {effect}": "Redis가 {command}을(를) 거부했습니다({reply}). 아무것도 세지 않습니다: {effect}",
  "no error was reported": "오류도 보고되지 않았습니다",
  "{what}, so {pod} wrote the session without one: it never expires": "{what}. 그래서 {pod}가 세션을 TTL 없이 썼고, 세션은 만료되지 않습니다",
  "TTL was answered {reply}": "TTL의 응답: {reply}",
  "TTL answered 0 in the session's last half second, so {pod} wrote it without one: it never expires": "세션의 마지막 0.5초에 TTL이 0으로 응답되어 {pod}가 TTL 없이 썼습니다. 세션은 만료되지 않습니다",
  "Redis ran {command} for {pod}, but the reply never arrived: {ending}": "Redis가 {pod}의 {command}을(를) 실행했으나 응답이 오지 않았습니다: {ending}",
  "{pod} sent {command}: {how} never arrived": "{pod}가 {command}을(를) 보냈습니다. 도착하지 않은 것: {how}",
  "Redis ran it, but the reply": "응답(Redis는 실행함)",
  "its reply": "응답",
  "the user got {end}": "사용자가 받은 것: {end}",
  "the user got {answer}, which the profile does not know": "사용자가 받은 것: {answer}(프로필이 모르는 응답)",
  "answered {answer}, which the profile does not know": "프로필이 모르는 응답을 했습니다: {answer}",
  "the request hung, and {ending}": "요청이 멈춰 있었습니다: {ending}",
  "the user waited {seconds} s": "사용자가 {seconds}초 기다렸습니다",
  "Redis took {what} and did not answer: {ending}": "Redis가 {what}을(를) 받고 응답하지 않았습니다: {ending}",
  "{what} never reached Redis: {ending}": "{what}이(가) Redis에 닿지 않았습니다: {ending}",
  "Redis went away from {pod}, which {effect}": "{pod}에서 Redis가 사라졌습니다. {effect}",
  "answered 'not found' instead of 'try again'": "'다시 시도' 대신 'not found'라고 응답했습니다",
  "answered a bare error instead of 'try again'": "'다시 시도' 대신 설명 없는 오류로 응답했습니다",
  "Redis answered {command} with {reply}, and {effect} instead of 'try again'": "Redis가 {command}에 {reply}(으)로 응답했고, '다시 시도'가 아니었습니다: {effect}",
  "what lies under the session's key is no session: {command} → {shown}": "세션 키에 있는 것은 세션이 아닙니다: {command} → {shown}",
  "{pod} keeps one word in its memory and gave no challenge id, {other} looked in Redis": "{pod}는 단어 하나를 메모리에 두고 챌린지 ID를 주지 않았고, {other}는 Redis에서 찾았습니다",
  "{pod} judged the drawing by {whose}, while others were open: it knows one word": "{pod}는 다른 챌린지가 열려 있는데 그림을 {whose}(으)로 판정했습니다. 단어를 하나만 압니다",
  "the word of its own latest challenge": "자기의 가장 최근 챌린지의 단어",
  "a solved answer passed again on {pod}: its one word never ends": "이미 푼 답이 {pod}에서 다시 통과했습니다. 하나뿐인 단어가 끝나지 않습니다",
  "{pod} graded answer {number} to one word, though {limit} are allowed": "{pod}는 {limit}번까지 허용되는데 한 단어에 {number}번째 답을 채점했습니다",
  "{pod} deleted the session while {other} was between reading and writing it; the write brought back {key}: {what}": "{other}가 세션을 읽고 쓰는 사이에 {pod}가 세션을 지웠습니다. 그 쓰기가 {key}를 되살렸습니다: {what}",
  "the session expired while {pod} was between reading and writing it; the write brought back {key}: {what}": "{pod}가 세션을 읽고 쓰는 사이에 세션이 만료되었습니다. 그 쓰기가 {key}를 되살렸습니다: {what}",
  "{what}, without a TTL, for ever": "{what}, TTL이 없어 만료되지 않음",
  "a stub without an answer": "정답이 없는 조각",
  "the document": "문서",
  "an empty selection passed on {pod}: what lay under the key has no positives, and nothing equals nothing": "빈 선택이 {pod}에서 통과했습니다. 키에 있던 것에 정답이 없어, 없는 것끼리 같았습니다",
  "one challenge passed {count} times: {how}": "챌린지 하나가 {count}번 통과했습니다: {how}",
  "{pod} read the session before {other} had deleted it": "{other}가 지우기 전에 {pod}가 세션을 읽었습니다",
  "{pod} did not end it": "{pod}가 세션을 끝내지 않았습니다",
  "the same answer was sent twice at once, and {result}; both should get the same result": "같은 답이 동시에 두 번 갔습니다. {result}. 둘 다 같은 결과를 받아야 합니다",
  "both passed": "둘 다 통과했습니다",
  "one passed and the other got 'not found'": "하나는 통과하고 다른 하나는 'not found'를 받았습니다",
  "two wrong answers both counted as attempt {number}: {pod} and {other} read the count before either had written it": "오답 두 개가 모두 {number}번째 시도로 세어졌습니다. {pod}와 {other}가 서로 쓰기 전에 횟수를 읽었습니다",
  "{count} answers were graded, though {limit} allowed": "{limit}까지 허용되는데 답이 {count}번 채점되었습니다",
  "{limit} is": "{limit}번",
  "{limit} are": "{limit}번",
  "with USE_REDIS=false {pod} {how}: {request} is not what it was before the change": "USE_REDIS=false인데 {request}이(가) 바뀌기 전과 다릅니다. {pod}: {how}",
  "sent commands to Redis": "Redis에 명령을 보냄",
  failed: "실패함",
  "{pod} does not start: REDIS_PORT={port} is not a port": "{pod}가 시작하지 않습니다. REDIS_PORT={port}은(는) 포트가 아닙니다",
  "{unused} and memory was used instead": "{unused}. 대신 메모리를 썼습니다",
  "{unused} and memory was used instead: {command} → {reply}": "{unused}. 대신 메모리를 썼습니다: {command} → {reply}",
  "{unused}, though Redis had answered {pod} before": "{unused}. 그 전에는 Redis가 {pod}에 응답했습니다",
  "{unused}, and its memory, which it would have used instead, does not have it either": "{unused}. 대신 썼을 메모리에도 없습니다",
  "USE_REDIS=true, yet {who} about the session to Redis": "USE_REDIS=true인데 {who}",
  "{who} about the session to Redis": "{who}",
  "neither {pod} nor {other} sent a command": "{pod}와 {other} 모두 이 세션에 대한 명령을 Redis에 보내지 않았습니다",
  "{pod} sent no command": "{pod}가 이 세션에 대한 명령을 Redis에 보내지 않았습니다",
  "{pod} answered {status}, and nothing that it sent to Redis since its start came through the gate, as what {others} sent did: `devenv doctor` tries where its settings lead":
    "{pod}의 응답: {status}. {others}와 달리, 이 파드가 시작한 뒤 Redis에 보낸 것은 하나도 게이트를 지나지 않았습니다. `devenv doctor`가 설정을 확인합니다",
  "{pod} answered {status} and the trace does not say why": "{pod}의 응답: {status}. 기록에는 이유가 없습니다",
  "{pod} answered {status} after Redis had answered {command} with {reply}": "{pod}의 응답: {status}. 그 전에 Redis가 {command}에 {reply}(으)로 응답했습니다",
  "{pod} gave no answer to {request}: {ending}; the trace does not say why": "{pod}가 {request}에 응답하지 않았습니다({ending}). 기록에는 이유가 없습니다",
  "{pod} gave no answer to {request}: {ending}; nothing that it sent to Redis since its start came through the gate, as what {others} sent did: `devenv doctor` tries where its settings lead":
    "{pod}가 {request}에 응답하지 않았습니다({ending}). {others}와 달리, 이 파드가 시작한 뒤 Redis에 보낸 것은 하나도 게이트를 지나지 않았습니다. `devenv doctor`가 설정을 확인합니다",
  "{pod} gave no answer to {request}: {ending}; it was restarted meanwhile": "{pod}가 {request}에 응답하지 않았습니다({ending}). 그사이 재시작되었습니다",
  "no pod was reached for {request}: {ending}; the trace does not say why": "{request}이(가) 어느 파드에도 닿지 않았습니다({ending}). 기록에는 이유가 없습니다",
  "{unused}, as far as its keys show": "{unused} (키로 알 수 있는 만큼)",
  "{pod} found no {key}: whether {command} of {other} was carried out is not known, as the pod asked for no reply":
    "{pod}가 {key}을(를) 찾지 못했습니다. {other}가 응답을 요구하지 않아 {command}이(가) 실행되었는지 알 수 없습니다",
  "{command} was refused in Redis's place (rule {rule}), and {pod} had asked for no reply: it could not know of it":
    "게이트가 Redis 대신 {command}을(를) 거부했는데(규칙 {rule}), {pod}가 응답을 요구하지 않아 알 수 없었습니다",
  "Redis answered {command} with {reply}: {pod} did not write the session and reported no error":
    "Redis가 {command}에 {reply}(으)로 응답했습니다. {pod}는 세션을 쓰지 않았고 오류도 알리지 않았습니다",
  // violations
  "key {key} has no TTL: it stays for ever": "키 {key}에 TTL이 없습니다. 만료되지 않습니다",
  "{count} verifies of one challenge were answered with success: {list}": "한 챌린지의 검증 {count}개가 성공으로 응답되었습니다: {list}",
  "{request} was answered with success for an empty selection, without knowing the answer": "{request}이(가) 정답을 모르는 빈 선택인데 성공으로 응답되었습니다",
  "{request} was answered with success for a wrong answer": "{request}이(가) 오답인데 성공으로 응답되었습니다",
  "{count} answers were graded where {limit} allowed: {list}": "{limit}까지 허용되는데 답이 {count}번 채점되었습니다: {list}",
  "{count} answers were each counted as attempt {number}: {list}": "답 {count}개가 각각 {number}번째 시도로 세어졌습니다: {list}",
  "{request} was graded although the session had expired during {other}": "{other} 도중에 세션이 만료되었는데 {request}이(가) 채점되었습니다",
  "the counter {key} has no TTL: it stays for ever": "카운터 {key}에 TTL이 없습니다. 만료되지 않습니다",
  "key {key} is there, {lives}, after the session {how} with {request}": "세션이 끝난 뒤에도 키 {key}가 있습니다({lives}). {request}: {how}",
  "for ever: it has no TTL": "TTL이 없어 만료되지 않음",
  "for {seconds} s more": "{seconds}초 더",
  "at the end the session's key is there {life}, holding {document}; {answers}": "끝난 뒤에도 세션 키가 {life} 남아 있고 내용은 {document}입니다. {answers}",
  "at the end {key} is there without a TTL; {answers}": "끝난 뒤에도 {key}이(가) TTL 없이 남아 있습니다. {answers}",
  "at the end the session holds {document}, which these requests one after the other never leave; {answers}":
    "끝난 뒤 세션의 내용은 {document}인데, 이 요청들을 하나씩 차례로 실행하면 결코 나오지 않습니다. {answers}",
  "without a TTL": "TTL 없이",
  "with a TTL": "TTL과 함께",
  "{request} was answered HTTP {status}": "{request}의 응답: HTTP {status}",
  "the order was run and did not show it: a fault of the model or of ours": "이 순서를 실행했으나 나타나지 않았습니다. 모델이나 이 프로그램의 결함입니다",
  // the verdict
  "{causes}: {challenges} challenges, {answers} answers: {results}": "{causes}: 챌린지 {challenges}개, 답 {answers}개: {results}",
  "{causes}: {challenges} challenge, {answers} answers: {results}": "{causes}: 챌린지 {challenges}개, 답 {answers}개: {results}",
  "{causes}: {challenges} challenges, {answers} answer: {results}": "{causes}: 챌린지 {challenges}개, 답 {answers}개: {results}",
  "{causes}: {challenges} challenge, {answers} answer: {results}": "{causes}: 챌린지 {challenges}개, 답 {answers}개: {results}",
  "nothing wrong": "잘못된 것이 없습니다",
  "nothing wrong: {summary}": "잘못된 것이 없습니다: {summary}",
  // progress
  "{pod} ready": "{pod} 준비됨",
  "{pod} ready (port {port})": "{pod} 준비됨(포트 {port})",
  "{pod} removed": "{pod} 제거됨",
  "confirming {kind} on real pods": "실제 파드에서 {kind} 확인 중",
  "{scenario} needs the service with its fix {fix}: a stack for this": "{scenario}에는 {fix} 수정이 적용된 서비스가 필요합니다. 이를 위한 스택을 시작합니다",
  "the stack that runs has {what}: another one for this": "실행 중인 스택에는 {what}이(가) 있습니다. 이를 위한 다른 스택을 시작합니다",
  "the pods keep their sessions in different stores: played as they are": "파드마다 세션을 두는 저장소가 다릅니다. 그대로 실행합니다",
  "{kinds} of violation in {count}": "{count}에서 위반 {kinds}",
  "{kinds} kinds": "{kinds}종",
  "{kinds} kind": "{kinds}종",
  "all {count} traces": "순서 {count}개 전체",
  "{count} traces": "순서 {count}개",
  "no violation in {count}": "{count}에서 위반 없음",
  "inconclusive after {count}: {reason}": "{count} 뒤에도 결론을 내지 못했습니다: {reason}",
  "learning: {requests} requests, {states} states": "알아보는 중: 요청 {requests}개, 상태 {states}개",
  "{count} traces; looking for the shortest order of each kind": "순서 {count}개. 종류마다 가장 짧은 순서를 찾는 중",
  "{scenario} [{store}] {number}/{repeat}": "{scenario} [{store}] {number}/{repeat}번째",
  "{left} of {pieces} left after {plays} plays": "{plays}번 실행하고 {pieces}개 중 {left}개 남음",
  "redis ready ({engine}, port {port})": "Redis 준비됨({engine}, 포트 {port})",
  "{pod} is up, but not ready: {answer}": "{pod}은(는) 실행 중이지만 준비되지 않았습니다: {answer}",
  // evidence: lines of the trace
  "exchange {number} {pod}: {call} → {ending}": "요청 {number} {pod}: {call} → {ending}",
  "exchange {number} {pod}: {call}": "요청 {number} {pod}: {call}",
  "redis {number} {pod}: {command} → {reply}, which was lost": "명령 {number} {pod}: {command} → {reply} (응답이 사라짐)",
  "redis {number} {pod}: {command} → {reply}": "명령 {number} {pod}: {command} → {reply}",
  "no reply": "응답 없음",
  nothing: "없음",
  "a value": "값",
  "refused, no reply wanted": "거부됨, 응답을 요구하지 않음",
  "no pod": "파드 없음",
  "under way": "진행 중",
  "its user gave up after {seconds} s": "사용자가 {seconds}초 뒤 포기했습니다",
  "its user has been waiting for {seconds} s": "사용자가 {seconds}초째 기다리고 있습니다",
  "after {seconds} s the proxy answered HTTP {status} in its place": "{seconds}초 뒤 프록시가 대신 HTTP {status}로 응답했습니다",
  "the same happened {count} times more": "같은 일이 {count}번 더 있었습니다",
  "{what} {from} to {to} were not kept": "{what} {from}번에서 {to}번까지는 남아 있지 않습니다",
  // remarks
  "{pod} answered {outcome} for {challenge} although Redis had answered {command} with {reply}: it did not read the session there":
    "Redis가 {command}에 {reply}(으)로 응답했는데 {pod}는 {challenge}에 {outcome}(으)로 응답했습니다. 세션을 거기서 읽지 않았습니다",
  "{sessions} known on a pod that had not opened them, and no Redis command about them was recorded: the pods share something else (a database, a signed token, a file). Containers share no file":
    "{sessions} 세션을 열지 않은 파드가 알고 있었고, 그에 대한 Redis 명령은 기록되지 않았습니다. 파드들이 다른 것(데이터베이스, 서명된 토큰, 파일)을 함께 씁니다. 컨테이너는 파일을 함께 쓰지 않습니다",
  "{count} session was": "{count}개의",
  "{count} sessions were": "{count}개의",
  "{key} was written by {command} without a time to live{more}, and no command gave it one: it stays in Redis until something deletes it":
    "{command}이(가) {key}을(를) TTL 없이 썼고{more} 어느 명령도 TTL을 주지 않았습니다. 지울 때까지 Redis에 남습니다",
  "{key} was written by {command} without a time to live, and no command gave it one: it stays in Redis until something deletes it":
    "{command}이(가) {key}을(를) TTL 없이 썼고 어느 명령도 TTL을 주지 않았습니다. 지울 때까지 Redis에 남습니다",
  "({count} more likewise)": "({count}개 더)",
  "the answer to {challenge} on {pod} has counted, but the reply of Redis was lost: the user could only get 'try again' (503)":
    "{pod}에서 {challenge}에 대한 답은 세어졌으나 Redis의 응답이 사라졌습니다. 사용자는 '다시 시도'(503)만 받을 수 있었습니다",
  "the answer to {challenge} on {pod} has counted, but the reply of Redis was lost: the user could only get 'try again' (503), and the next try gets “{message}”: never a second success":
    "{pod}에서 {challenge}에 대한 답은 세어졌으나 Redis의 응답이 사라졌습니다. 사용자는 '다시 시도'(503)만 받을 수 있었고, 다음 시도는 “{message}”를 받습니다. 두 번째 성공은 없습니다",
  "{challenge} was found because {first} and {second} met one pod: {policy} chooses it by the client's address, {came} (what decides it: {setting}). {whose} A client whose address changes between the two, as a telephone's does from Wi-Fi to mobile data, may get 'not found'. Change: sessions in Redis; to see the bug, another policy or clients of several addresses.":
    "{first}와(과) {second}이(가) 한 파드로 갔기 때문에 {challenge}을(를) 찾았습니다. {policy}은(는) 클라이언트의 주소로 파드를 고릅니다. {came} (결정하는 것: {setting}) {whose} 휴대전화가 Wi-Fi에서 모바일 데이터로 옮길 때처럼 그사이 주소가 바뀌는 클라이언트는 'not found'를 받을 수 있습니다. 바꿀 것: 세션을 Redis에 두세요. 버그를 보려면 다른 정책이나 주소가 여럿인 클라이언트를 쓰세요.",
  "which the trace does not have": "그 주소는 기록에 없습니다.",
  "and both came from {address}": "둘 다 {address}에서 왔습니다.",
  "Of the {count} requests under it {met} met {pod}.": "이 정책의 요청 {count}개 가운데 {met}이(가) {pod}로 갔습니다.",
  "Of the {count} requests from there {met} met {pod}. {others}": "거기서 온 요청 {count}개 가운데 {met}이(가) {pod}로 갔습니다. {others}",
  all: "모두",
  "No request came from another address.": "다른 주소에서 온 요청은 없습니다.",
  "There were {count} addresses, whose requests met {pods} pods.": "주소는 {count}개였고 그 요청은 파드 {pods}개로 갔습니다.",
  "{policy} sent {second} to {other}, though {pod} had created {challenge} ({first}): it chooses the pod by the client's address (what decides it: {setting}), and {why}. Change: sessions in Redis; else a cookie in place of the address: {cookie}.":
    "{challenge}은(는) {pod}가 만들었는데({first}) {policy}은(는) {second}을(를) {other}로 보냈습니다. 이 정책은 클라이언트의 주소로 파드를 고릅니다(결정하는 것: {setting}). {why}. 바꿀 것: 세션을 Redis에 두거나, 주소 대신 쿠키를 쓰세요: {cookie}.",
  "the client's address was {before} then and {after} now": "클라이언트의 주소는 그때 {before}, 지금 {after}입니다",
  "{pod} had failed before ({request}: {error})": "{pod}가 전에 실패했습니다({request}: {error})",
  "{challenge} was found because the client sent back the cookie that names {pod}: {policy} gives clients without it the pods in turn, and {second}, the next request after {first}, met the same pod again. A client without cookies (a script, an app, another site's page), or a restart of {again}, loses the session. Change: sessions in Redis.":
    "클라이언트가 {pod}를 가리키는 쿠키를 돌려보냈기 때문에 {challenge}을(를) 찾았습니다. {policy}은(는) 쿠키 없는 클라이언트를 파드에 차례로 보내는데, {first} 다음 요청인 {second}이(가) 같은 파드로 갔습니다. 쿠키가 없는 클라이언트(스크립트, 앱, 다른 사이트의 페이지)이거나 {again}이(가) 재시작되면 세션을 잃습니다. 바꿀 것: 세션을 Redis에 두세요.",
  "{challenge} was found because one pod gets all requests: {policy} chooses {how}, and all {count} requests under it met {pod}. The other pods were not tried: this says nothing of sessions between pods. To see the bug: requests that overlap, or another policy.":
    "파드 하나가 모든 요청을 받기 때문에 {challenge}을(를) 찾았습니다. {policy}이(가) 고르는 것: {how}. 이 정책의 요청 {count}개가 모두 {pod}로 갔습니다. 다른 파드는 시도되지 않았으므로 파드 사이의 세션에 대해서는 알 수 없습니다. 버그를 보려면 겹치는 요청이나 다른 정책을 쓰세요.",
  "{challenge} was found by parity alone: {policy} gives the {pods} pods their turns, and {requests} ({list}) between {first} and {second} brought {word} back to {pod}, which has the session in its memory. One request more or fewer, and it is 'not found'. Change: sessions in Redis, or keep clients on their pods with {sticky}.":
    "{challenge}은(는) 요청 수가 맞아떨어져서 찾았을 뿐입니다. {policy}은(는) 파드 {pods}개에 차례로 보내는데, {first}와(과) {second} 사이의 {requests}({list}) 때문에 {word}이(가) 세션을 메모리에 가진 {pod}로 돌아왔습니다. 요청이 하나만 많거나 적으면 'not found'입니다. 바꿀 것: 세션을 Redis에 두거나, {sticky}(으)로 클라이언트를 같은 파드에 두세요.",
  "{count} requests": "요청 {count}개",
  "{count} request": "요청 {count}개",
  "{challenge} was found because {first} and {second} came on one kept connection ({client}): {policy} chooses a pod for each connection. A client that opens another one may meet another pod, and gets 'not found' there. Change: sessions in Redis; keep-alive is no fix.":
    "{first}와(과) {second}이(가) 유지된 연결 하나({client})로 왔기 때문에 {challenge}을(를) 찾았습니다. {policy}은(는) 연결마다 파드를 고릅니다. 새 연결을 여는 클라이언트는 다른 파드로 가서 'not found'를 받을 수 있습니다. 바꿀 것: 세션을 Redis에 두세요. 연결 유지는 해결책이 아닙니다.",
  "{policy} sent {second} to {other}, though {pod} had created {challenge} ({first}): {why}. Change: sessions in Redis, or a client that keeps cookies (curl -b -c, a session of requests, credentials: 'include').":
    "{challenge}은(는) {pod}가 만들었는데({first}) {policy}은(는) {second}을(를) {other}로 보냈습니다. {why}. 바꿀 것: 세션을 Redis에 두거나, 쿠키를 유지하는 클라이언트를 쓰세요(curl -b -c, requests의 세션, credentials: 'include').",
  "the client did not send back the cookie that names the pod": "클라이언트가 파드를 가리키는 쿠키를 돌려보내지 않았습니다",
  "the client did not send back the cookie that names the pod, or {pod} could not be reached then (the trace does not tell)":
    "클라이언트가 파드를 가리키는 쿠키를 돌려보내지 않았거나, 그때 {pod}에 닿을 수 없었습니다(기록으로는 알 수 없음)",
  "after {request} had failed on {pod} ({error}), {again} got none of the next {count} requests, for {seconds} s, {until}: {product} keeps it out, or cannot reach it. All sessions go to the other pods meanwhile, so that none is lost between pods and the bug does not show. What decides it: {setting}.":
    "{request}이(가) {pod}에서 실패한 뒤({error}) {again}은(는) {seconds}초 동안 다음 요청 {count}개를 하나도 받지 못했습니다({until}). {product}이(가) 제외했거나 닿지 못합니다. 그동안 모든 세션이 다른 파드로 가서 파드 사이에서 사라지지 않으므로 버그가 보이지 않습니다. 결정하는 것: {setting}.",
  "how {product} chooses a pod with {file} is not known here ({why}): whether turns, an address, a cookie or a connection hide or lose sessions is not said. `devenv balance {again}` measures it.":
    "{file}(으)로 {product}이(가) 파드를 어떻게 고르는지 여기서는 알 수 없습니다({why}). 차례, 주소, 쿠키, 연결이 세션 손실을 감추는지 일으키는지 말할 수 없습니다. `devenv balance {again}`(으)로 잴 수 있습니다.",
  "the directive just named": "방금 든 지시어",
  "the first server that is up ({setting})": "살아 있는 첫 서버({setting})",
  "the first upstream that is up ({setting})": "살아 있는 첫 업스트림({setting})",
  "the first of the least busy upstreams ({setting})": "가장 한가한 업스트림 가운데 첫째({setting})",
  "the server that answered fastest ({setting})": "가장 빨리 응답한 서버({setting})",
  "until {request}": "{request}까지",
  "to the end of the trace": "기록이 끝날 때까지",
  "{request} was delivered twice: {first} to {pod}, which gave no answer, and {second} to {other}. {who} sent it again; both deliveries can have counted. Change: {change}, or make the request idempotent (a token per request).":
    "{request}이(가) 두 번 전달되었습니다. {first}은(는) 응답하지 않은 {pod}로, {second}은(는) {other}로 갔습니다. 다시 보낸 것: {who}. 두 번 다 세어졌을 수 있습니다. 바꿀 것: {change}. 아니면 요청을 멱등하게 만드세요(요청마다 토큰).",
  "Its client": "클라이언트",
  "Its client, or the balancer,": "클라이언트나 밸런서",
  "{policy}, with its {option},": "{policy}({option})",
  "send no POST again that was not answered": "응답이 없는 POST를 다시 보내지 마세요",
  "{setting} in the upstream": "upstream의 {setting}",
  "{setting} in the backend": "backend의 {setting}",
  "{setting} in reverse_proxy": "reverse_proxy의 {setting}",
  "{setting} of the server": "server의 {setting}",
  "{setting} of the cluster": "cluster의 {setting}",
  "{setting} of the service's loadBalancer": "서비스 loadBalancer의 {setting}",
  // keys
  "no TTL: it stays for ever": "TTL 없음: 계속 남음",
  "wrong type: {type} instead of string": "잘못된 자료형: string이 아니라 {type}",
  "not a JSON object": "JSON 객체가 아님",
  "stub document: only {fields}": "조각: {fields}뿐",
  "missing {fields}": "없는 항목: {fields}",
};

/** How answers ended, as a verdict counts them. @type {Record<string, string>} */
const RESULTS = {
  passed: "통과",
  wrong: "오답",
  "not found": "찾지 못함",
  "not graded": "채점되지 않음",
  created: "생성됨",
  "still under way": "진행 중",
  "given up by the user": "사용자가 포기함",
  "ended by the client": "클라이언트가 끝냄",
  "answered with 'already solved'": "'already solved' 응답",
  "not served by a pod": "파드에 닿지 않음",
};

/** What stands at an arrow or a note of a picture. @type {Record<string, string>} */
const LABELS = {
  "create {what}": "생성 {what}",
  "verify {what}: right": "검증 {what}: 정답",
  "verify {what}: wrong": "검증 {what}: 오답",
  "verify {what}: empty": "검증 {what}: 빈 답",
  "verify {what}": "검증 {what}",
  "{count} at the same time": "동시에 {count}개",
  "restart {settings}": "재시작 {settings}",
  restart: "재시작",
  removed: "제거됨",
  "does not run": "실행 중이 아님",
  start: "시작",
  stop: "정지",
  pause: "일시정지",
  resume: "계속",
  stopped: "멈춤",
  paused: "일시정지됨",
  "rules on": "규칙 켬",
  "rules off": "규칙 끔",
  "wait {seconds} s": "{seconds}초 기다림",
  "failover {session}": "{session} 장애 조치",
  flush: "비우기",
  "expire {session}": "{session} 만료",
  "age {session}": "{session} 시간 경과",
  "the key expires": "키가 만료됨",
  "0.4 s left to live": "만료까지 0.4초",
  created: "생성됨",
  right: "정답",
  empty: "빈 답",
  "no answer, its pod was restarted": "응답 없음, 파드가 재시작됨",
  success: "통과",
  "success, attempt {count}": "통과, 시도 {count}",
  wrong: "오답",
  "wrong, attempt {count}": "오답, 시도 {count}",
  "✗ no answer for {seconds} s": "✗ {seconds}초 동안 응답 없음",
  "✗ gave up after {seconds} s": "✗ {seconds}초 뒤 포기",
  "✗ the pod had gone": "✗ 파드가 이미 떠남",
  "✗ the request is lost": "✗ 요청이 사라짐",
  "✗ the reply is lost": "✗ 응답이 사라짐",
  "✗ nothing passes any more": "✗ 아무것도 지나가지 않음",
  "✗ the connection is cut": "✗ 연결이 끊김",
  "✗ discarded: the pod had hung up": "✗ 버려짐: 파드가 연결을 끊음",
  "✗ no answer came": "✗ 응답이 오지 않음",
  "✗ lost": "✗ 사라짐",
  "⏸ held": "⏸ 붙잡힘",
  "⏸ held {seconds} s": "⏸ {seconds}초 붙잡힘",
  "⏸ delayed {seconds} s": "⏸ {seconds}초 지연됨",
  "⏸ reply held {seconds} s": "⏸ 응답이 {seconds}초 붙잡힘",
  "⏸ reply delayed {seconds} s": "⏸ 응답이 {seconds}초 지연됨",
  "not recorded: {what}": "기록되지 않음: {what}",
};

/** @type {Record<string, string>} */
const WHOLE = { ...CHANGES, ...CHANGES_OF_SERVICES, ...NOTES };
for (const [cause, words] of Object.entries(CAUSES)) WHOLE[`cause:${cause}`] = `${words} (${cause})`;
for (const [id, [title, words, about]] of Object.entries(SCENARIOS)) {
  WHOLE[title] = words;
  WHOLE[`about:${id}`] = about;
}

/** @param {string} template */
const literal = (template) => template.replace(/\{\w+\}/g, "").length;

/** The sentences with what fits them; those with more fixed letters are tried first. @param {Record<string, string>} sentences */
const patterns = (sentences) =>
  Object.entries(sentences)
    .sort(([one], [other]) => literal(other) - literal(one))
    .map(([template, words]) => ({
      pattern: new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace("{document}", "(?<document>.+?)").replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`, "s"),
      words,
    }));
const PATTERNS = patterns({ ...ERRORS, ...CHANGES_WITH_SWITCH, ...SENTENCES });
const LABEL_PATTERNS = patterns(LABELS);

/** What was translated before: a page asks for the same texts at every drawing. @type {Map<string, string|undefined>} */
const known = new Map();
const MOST_KNOWN = 2000;

/**
 * The text in Korean; undefined where it has no translation. `label:` before it: of an arrow or a note in a picture.
 * @param {string} text @returns {string|undefined}
 */
export function translated(text) {
  if (!known.has(text)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(text, translate(text));
  }
  return known.get(text);
}

/** @param {string} text @returns {string|undefined} */
function translate(text) {
  const whole = WHOLE[text];
  if (whole) return whole;
  const more = FURTHER.exec(text);
  const one = more ? translated(more[1] ?? "") : undefined;
  if (one) return `${one} 같은 경우 더: ${more?.[2]}.`;
  if (ANSWER.test(text)) return answers(text);
  const label = text.startsWith("label:");
  const plain = label ? text.slice("label:".length) : text;
  for (const { pattern, words } of label ? LABEL_PATTERNS : PATTERNS) {
    const match = pattern.exec(plain);
    if (match) return words.replace(/\{(\w+)\}/g, (_, name) => inKorean(match.groups?.[name] ?? "", name));
  }
  const bracket = label ? null : /^([^(]+?)( \(.+\))$/s.exec(text); // what the Redis client does, after a finding's sentence
  const front = bracket ? translated(bracket[1] ?? "") : undefined;
  return front === undefined ? undefined : `${front} (${inKorean(bracket?.[2]?.slice(2, -1) ?? "", "")})`;
}

/** A value in a text. @param {string} value @param {string} name As the text calls it. @returns {string} */
function inKorean(value, name) {
  if (name === "results") return results(value);
  if (name === "answers") return answers(value);
  return translated(name === "call" ? `label:${value}` : value) ?? value;
}

/** A request of an order with its answer, and how that ended: `V1 (right): success, attempt 1`. */
const ANSWER = /^(\w+) \((right|wrong|empty)\): (.+)$/s;

/** Such requests, one after the other. @param {string} list @returns {string} */
function answers(list) {
  return list
    .split("; ")
    .map((one) => one.replace(ANSWER, (_, request, answer, ending) => `${request} (${inKorean(answer, "call")}): ${inKorean(ending, "call")}`))
    .join("; ");
}

/** What a remark ends with where there are more of its kind. */
const FURTHER = /^(.+) The same in (.+) further cases?\.$/s;

/** How often answers ended in which way: `2 not found, 1 passed`. @param {string} list @returns {string} */
function results(list) {
  return list.replace(/(\d+) ([^,]+)/g, (all, count, ending) => (RESULTS[ending] ? `${RESULTS[ending]} ${count}` : all));
}
