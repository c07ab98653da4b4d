"""The texts of the demo and its report, in English and Korean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from devenv.core.model.backends import Language
from devenv.core.model.vocabulary import CaptchaType, Strategy


class Behind(Enum):
    """What is said of the sessions that were sent through a balancer."""

    PINNED = auto()
    """Which requests went past it."""
    TURNS = auto()
    """An image in between turned all lost into none, or none into all."""
    CONNECTION = auto()
    """Kept connections lost none, others did."""
    STEADY = auto()
    """None was lost."""
    DRAWN = auto()
    """Some, not all, were lost in every row."""


@dataclass(frozen=True, slots=True)
class Prose:
    """All texts of one language. Fields with braces are ``str.format`` templates."""

    title: str
    subtitle: str
    act: str
    memory_title: str
    redis_title: str
    race_title: str
    store_note: dict[Strategy, str]
    captcha: str
    types: dict[CaptchaType, str]
    cross_pod: str
    same_pod: str
    passed: str
    not_found: str
    other_word: str
    wrong: str
    error: str
    picture: str
    balancer: str
    behind_title: str
    behind_head: tuple[str, str, str]
    behind_clients: dict[str, str]
    behind_lost: str
    why_behind: dict[Behind, str]
    keys_title: str
    keys_head: tuple[str, str, str, str]
    no_keys: str
    why: str
    why_memory: tuple[str, ...]
    why_redis: tuple[str, ...]
    race_head: tuple[str, str, str, str]
    times: str
    alike: dict[bool, str]
    empty_passed: str
    race_picture: str
    evidence: str
    evidence_head: tuple[str, str]
    diagnoses: dict[str, tuple[str, str]]
    """By cause what was found and what to change; for a cause that is missing the English text of explain."""
    change: str
    why_race: tuple[str, ...]
    why_refused: tuple[str, ...]
    restarted: str
    holds: str
    fails: str
    surprises: str
    report: str
    environment: str
    backend: str
    pods: str
    redis: str
    trials: str
    seconds: str
    repeat: str
    again: str
    by_hand: tuple[tuple[str, str], ...]
    seed: str
    store: str


ENGLISH = Prose(
    title="The day a captcha service got its second pod",
    subtitle="{pods} pods · {backend} · {engine} {version}",
    act="Act {number}",
    memory_title="USE_REDIS=false: each pod keeps its sessions in its own memory",
    redis_title="USE_REDIS=true: all pods keep their sessions in one Redis",
    race_title="SESSION_STRATEGY={store}: a right and a wrong answer at the same time",
    store_note={
        Strategy.MEMORY: "store: pod memory",
        Strategy.GUIDE: "store: guide, the migration guide's own commands with their faults",
        Strategy.ATOMIC: "store: atomic, one script per attempt",
        Strategy.WATCH: "store: watch, optimistic locking with WATCH, MULTI and EXEC",
        Strategy.GETDEL: "store: getdel, the session is taken out while it is judged",
        Strategy.INCR: "store: incr, attempts are counted beside the document",
    },
    captcha="captcha",
    types={
        CaptchaType.ABSTRACT: "abstract",
        CaptchaType.IMAGEGRID: "image grid",
        CaptchaType.HANDWRITING: "handwriting",
    },
    cross_pod="verified on another pod",
    same_pod="verified on the same pod",
    passed="{n} of {trials} passed",
    not_found='{n} × "Challenge not found"',
    other_word="{n} × judged by the other pod's word",
    wrong="{n} × judged wrong",
    error="{n} × error",
    picture="One session, as it happened",
    balancer="load balancer",
    behind_title="Sessions lost through {balancer}, which chooses the pod",
    behind_head=("clients", "lost", "by its formula"),
    behind_clients={
        "new": "a connection for each request",
        "new+image": "a connection for each request, and an image in between",
        "kept": "one kept connection",
        "kept+image": "one kept connection, and an image in between",
        "users": "8 users at the same time",
    },
    behind_lost="{lost} of {sessions}",
    why_behind={
        Behind.PINNED: "In the first table each request names its pod and goes past {balancer}. In "
        "the second one {balancer} chooses the pod.",
        Behind.TURNS: "The rows without and with an image differ because the pods take turns: with "
        "two pods and one request in between, create and verify reach the same pod. Nothing is "
        "repaired by it: one more request moves the turn on. Compare all rows, and never one alone.",
        Behind.CONNECTION: "On a kept connection no session was lost because {balancer} chooses a pod "
        "for each connection. Nothing is repaired by it: a client that opens another connection can "
        "meet another pod.",
        Behind.STEADY: "No session was lost through {balancer}: with it these clients stayed on one "
        "pod. That hides the bug and does not repair it, as the first table shows. Clients without "
        "cookies, from another address, or of a pod that restarts can lose their sessions: devenv "
        "balance {balancer} measures that.",
        Behind.DRAWN: "Some sessions are lost in every row. Neither a kept connection nor a request "
        "in between saves them.",
    },
    keys_title="What Redis held after one challenge of each type",
    keys_head=("key", "type", "TTL", "attempts"),
    no_keys="Redis held no key: the sessions are in the pods.",
    why="Why",
    why_memory=(
        "Every answer sent here was right. The pod that created a challenge has it in its own memory; the "
        'pod that got the verify does not have it and answers "Challenge not found".',
        "With handwriting it is worse: a pod keeps one current word for all users. The drawing is judged by "
        "the other pod's word, and a user who wrote the right word is refused.",
        "With both requests on one pod everything passes. That is why one replica never showed the bug.",
    ),
    why_redis=(
        "Every pod now writes each challenge to the same Redis, under a key of its own with a TTL. "
        "Whichever pod gets the verify finds the challenge there.",
        "Nothing else changed: same service, same requests, same routing. The setting was switched by "
        "restarting the pods, as a rollout does.",
    ),
    race_head=("played", "went the same way", "then an empty answer passed", "order of the Redis commands"),
    times="{n} times",
    alike={True: "each time", False: "not each time"},
    empty_passed="{n} of {trials}",
    race_picture="The first time, as the gate recorded it",
    evidence="{cause}: the evidence",
    evidence_head=("when", "in the trace"),
    diagnoses={},
    change="What to change",
    why_race=(
        "Two answers to one challenge arrive at once: one right, one wrong. The guide's store reads, judges, "
        "reads again, writes and deletes in separate commands. The gate held the second GET of the wrong "
        "answer until the right one had deleted the session; the wrong one then counted an attempt of a "
        "session that was gone, and wrote a document with nothing but that count.",
        "A user who selects nothing now passes without knowing the answer. By chance this order is rare, and "
        "the sequences of act 2 do not show it. In this order it happens every time.",
    ),
    why_refused=(
        "The atomic store reads, judges, counts and deletes in one script. There is no moment in between at "
        "which the gate could hold it: the answer that comes second finds the challenge solved, and writes "
        "nothing.",
        "The empty answer gets the same reply. And as in act 2, whichever pod gets the verify finds the "
        "session.",
    ),
    restarted="Pods restarted with USE_REDIS=true SESSION_STRATEGY={store} ({seconds:.1f} s)",
    holds="Shown: the bug, a fix that has a race, and the store without that race.",
    fails="It did not go as expected.",
    surprises="What was not as expected",
    report="report",
    environment="Where this ran",
    backend="backend",
    pods="pods",
    redis="Redis",
    trials="sequences per captcha and kind",
    seconds="duration",
    repeat="See it again",
    again="this demo, with the same choices",
    by_hand=(
        ("devenv up -d --no-use-redis", "two pods behind a proxy on port 8080, sessions in their memory"),
        ("devenv replay pod-memory", "the same sequence as a scenario, step by step"),
        ("devenv replay empty-bypass --strategy guide", "the race, exactly in this order"),
        ("devenv explain latest", "what happened in it, and why"),
        ("devenv toggle on", "the fix, by a real restart of the pods"),
        ("devenv down", "stops everything"),
    ),
    seed="seed",
    store="store",
)

KOREAN = Prose(
    title="캡차 서비스에 두 번째 파드가 생긴 날",
    subtitle="파드 {pods}개 · {backend} · {engine} {version}",
    act="{number}막",
    memory_title="USE_REDIS=false: 파드마다 세션을 자기 메모리에 둔다",
    redis_title="USE_REDIS=true: 모든 파드가 세션을 하나의 Redis에 둔다",
    race_title="SESSION_STRATEGY={store}: 정답과 오답이 동시에 도착할 때",
    store_note={
        Strategy.MEMORY: "저장소: 파드 메모리",
        Strategy.GUIDE: "저장소: guide(마이그레이션 가이드의 명령 그대로, 결함 포함)",
        Strategy.ATOMIC: "저장소: atomic(시도 한 번에 스크립트 하나)",
        Strategy.WATCH: "저장소: watch(WATCH, MULTI, EXEC를 쓰는 낙관적 잠금)",
        Strategy.GETDEL: "저장소: getdel(판정하는 동안 세션을 꺼내 둠)",
        Strategy.INCR: "저장소: incr(시도 횟수를 문서 옆에서 셈)",
    },
    captcha="캡차",
    types={
        CaptchaType.ABSTRACT: "추상 이미지",
        CaptchaType.IMAGEGRID: "이미지 그리드",
        CaptchaType.HANDWRITING: "손글씨",
    },
    cross_pod="다른 파드에서 검증",
    same_pod="같은 파드에서 검증",
    passed="{trials}번 중 {n}번 통과",
    not_found="“Challenge not found” {n}번",
    other_word="다른 파드의 단어로 채점 {n}번",
    wrong="오답 처리 {n}번",
    error="오류 {n}번",
    picture="세션 하나의 실제 흐름",
    balancer="로드 밸런서",
    behind_title="파드를 고르는 {balancer}를 거칠 때 잃어버린 세션",
    behind_head=("클라이언트", "잃어버린 세션", "공식에 따른 값"),
    behind_clients={
        "new": "요청마다 새 연결",
        "new+image": "요청마다 새 연결, 사이에 이미지 요청 하나",
        "kept": "유지되는 연결 하나",
        "kept+image": "유지되는 연결 하나, 사이에 이미지 요청 하나",
        "users": "동시에 사용자 8명",
    },
    behind_lost="{sessions}개 중 {lost}개",
    why_behind={
        Behind.PINNED: "첫 번째 표의 요청은 파드를 직접 지정하므로 {balancer}를 거치지 않습니다. 두 "
        "번째 표에서는 {balancer}가 파드를 고릅니다.",
        Behind.TURNS: "파드를 번갈아 고르기 때문에 이미지 요청이 있는 줄과 없는 줄의 값이 다릅니다. "
        "파드가 두 개이고 사이에 요청이 하나 있으면 생성과 검증이 같은 파드로 갑니다. 고쳐진 것이 "
        "아니라, 요청이 하나 더 오면 순서가 다시 바뀝니다. 한 줄만 보지 말고 모든 줄을 비교하세요.",
        Behind.CONNECTION: "{balancer}는 연결마다 파드를 고르므로 유지되는 연결에서는 세션을 잃지 "
        "않았습니다. 고쳐진 것이 아닙니다. 새 연결을 여는 클라이언트는 다른 파드를 만날 수 있습니다.",
        Behind.STEADY: "{balancer}를 거친 세션은 하나도 잃지 않았습니다. 이 클라이언트들이 같은 "
        "파드에 머물렀기 때문입니다. 버그가 가려졌을 뿐 고쳐진 것이 아님을 첫 번째 표가 보여 "
        "줍니다. 쿠키가 없거나 주소가 바뀐 클라이언트, 재시작하는 파드의 클라이언트는 세션을 잃을 "
        "수 있습니다. devenv balance {balancer}로 측정합니다.",
        Behind.DRAWN: "모든 줄에서 일부 세션을 잃었습니다. 유지되는 연결도, 사이에 있는 요청도 도움이 "
        "되지 않습니다.",
    },
    keys_title="유형별로 챌린지를 하나씩 만든 직후 Redis에 있던 키",
    keys_head=("키", "유형", "TTL", "시도 횟수"),
    no_keys="Redis에는 키가 없습니다. 세션은 파드 안에 있습니다.",
    why="이유",
    why_memory=(
        "여기서 보낸 답은 모두 정답입니다. 챌린지를 만든 파드만 그 세션을 자기 메모리에 가지고 있고, "
        "검증 요청을 받은 다른 파드는 그 챌린지를 모르므로 “Challenge not found”라고 답합니다.",
        "손글씨에서는 문제가 더 큽니다. 파드는 현재 단어 하나만 기억하므로 제출한 그림이 다른 파드의 단어로 "
        "채점되고, 사용자는 제대로 쓰고도 오답 처리됩니다.",
        "두 요청이 같은 파드로 가면 모두 통과합니다. 레플리카가 하나일 때 드러나지 않았던 까닭입니다.",
    ),
    why_redis=(
        "이제 모든 파드가 챌린지마다 키 하나씩을 같은 Redis에 쓰고, 키는 TTL에 따라 만료됩니다. "
        "어느 파드가 검증 요청을 받아도 세션을 찾을 수 있습니다.",
        "그 밖에 달라진 것은 없습니다. 서비스도, 요청도, 라우팅도 같습니다. 설정은 롤아웃처럼 파드를 "
        "재시작해서 바꿨습니다.",
    ),
    race_head=("실행 횟수", "실행마다 결과가 같은지", "이어서 빈 답이 통과한 횟수", "Redis 명령 순서"),
    times="{n}번",
    alike={True: "매번 같음", False: "매번 같지는 않음"},
    empty_passed="{trials}번 중 {n}번",
    race_picture="첫 번째 실행(게이트 기록)",
    evidence="{cause}: 근거",
    evidence_head=("시각", "기록"),
    diagnoses={
        "resurrected-key": (
            "한 파드가 세션을 읽고 다시 쓰는 사이에 다른 파드가 그 세션을 지웠습니다. 뒤늦은 쓰기 때문에 "
            "정답도 TTL도 없는 키가 다시 생겼고, 이 키는 만료되지 않습니다.",
            "이미 삭제되었을 수 있는 세션을 다시 쓰지 않기: SESSION_STRATEGY=atomic",
        ),
        "empty-bypass": (
            "아무것도 고르지 않은 답이 통과했습니다. 다시 생긴 키에는 정답이 없어서, 빈 선택이 정답과 같다고 "
            "판정되기 때문입니다.",
            "정답이 없는 세션은 거부하고 삭제된 키를 다시 만들지 않기: SESSION_STRATEGY=atomic",
        ),
    },
    change="변경할 내용",
    why_race=(
        "한 챌린지에 정답과 오답이 동시에 도착합니다. 가이드의 저장소는 읽기, 채점, 다시 읽기, 쓰기, 삭제를 "
        "각각 다른 명령으로 보냅니다. 게이트는 정답 쪽이 세션을 지울 때까지 오답 쪽의 두 번째 GET을 "
        "보류했고, 오답 쪽은 이미 삭제된 세션의 시도 횟수를 늘려, 그 횟수만 담긴 문서를 저장했습니다.",
        "이제 아무것도 고르지 않은 사용자가 답을 모른 채 통과합니다. 우연히 이 순서가 되는 일은 드물어 "
        "2막의 시퀀스에서는 나타나지 않지만, 이 순서로 실행하면 매번 일어납니다.",
    ),
    why_refused=(
        "atomic 저장소는 읽기, 채점, 횟수 증가, 삭제를 스크립트 하나로 처리하므로 그 사이에 게이트가 "
        "보류할 명령이 없습니다. 두 번째로 온 답에는 이미 풀린 챌린지라고 응답하고, 아무것도 쓰지 않습니다.",
        "빈 답에도 같은 응답을 돌려줍니다. 2막과 마찬가지로 어느 파드가 검증 요청을 받아도 세션을 찾을 수 "
        "있습니다.",
    ),
    restarted="USE_REDIS=true SESSION_STRATEGY={store}로 파드를 재시작했습니다({seconds:.1f}초)",
    holds="버그, 경합이 있는 해결책, 그 경합이 없는 저장소를 모두 확인했습니다.",
    fails="예상대로 되지 않았습니다.",
    surprises="예상과 달랐던 점",
    report="보고서",
    environment="실행 환경",
    backend="백엔드",
    pods="파드",
    redis="Redis",
    trials="캡차 유형·방식별 시퀀스 수",
    seconds="소요 시간",
    repeat="다시 해 보기",
    again="같은 조건으로 데모를 다시 실행",
    by_hand=(
        ("devenv up -d --no-use-redis", "8080 포트의 프록시 뒤에 파드 두 개, 세션은 각자의 메모리에"),
        ("devenv replay pod-memory", "같은 시퀀스를 시나리오로 한 단계씩"),
        ("devenv replay empty-bypass --strategy guide", "같은 순서로 재현하는 경합"),
        ("devenv explain latest", "실행 결과와 원인"),
        ("devenv toggle on", "해결책 적용: 파드를 실제로 재시작"),
        ("devenv down", "모두 종료"),
    ),
    seed="시드",
    store="저장소",
)


def prose(language: Language) -> Prose:
    """The texts of ``language``."""
    return KOREAN if language == "ko" else ENGLISH
