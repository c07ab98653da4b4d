/** The shapes of what the control API sends: names as in trace.jsonl. Only types; nothing runs here. */

/**
 * @typedef {object} Exchange One HTTP request through the proxy.
 * @property {"exchange"} kind
 * @property {number} seq
 * @property {string} request_id
 * @property {string} client Its address; one exchange at a time is open on it.
 * @property {string} method
 * @property {string} path
 * @property {string} policy
 * @property {string|null} pod
 * @property {number} status
 * @property {number} started Seconds since the epoch.
 * @property {number} duration_ms
 * @property {string|null} error
 * @property {string|null} request_body
 * @property {string|null} response_body
 * @property {string|null} outcome
 */

/**
 * @typedef {object} Command One Redis command through the gate.
 * @property {"redis"} kind
 * @property {number} seq
 * @property {string} pod
 * @property {number} connection
 * @property {string} command
 * @property {string[]} args
 * @property {string|null} key
 * @property {string|null} reply
 * @property {number} received
 * @property {number|null} forwarded
 * @property {number|null} answered
 * @property {number|null} delivered
 * @property {string} fate
 * @property {string|null} rule
 */

/**
 * @typedef {object} StackEvent Something that was done to the stack.
 * @property {"stack"} kind
 * @property {number} time
 * @property {string} what
 * @property {string|null} pod
 * @property {Record<string, string>} detail
 */

/**
 * @typedef {object} Held A message that the gate holds.
 * @property {number} seq
 * @property {string} pod
 * @property {string} command
 * @property {string|null} key
 * @property {"request"|"reply"} direction
 * @property {string} rule
 * @property {number} since
 * @property {number} until
 */

/**
 * @typedef {object} Pod
 * @property {string} name
 * @property {string} state
 * @property {Record<string, string>} settings
 */

/**
 * @typedef {object} KeyInfo
 * @property {string} key
 * @property {string} kind
 * @property {string} type
 * @property {number|null} ttl
 * @property {number|null} attempts
 * @property {string[]} fields
 * @property {string[]} flags
 */

/**
 * @typedef {object} Overview
 * @property {string} backend
 * @property {{seed: number, policy: string, gate: boolean, service: unknown, pods: number}} spec
 * @property {{traffic: string, control: string, ml: string}} endpoints
 * @property {Pod[]} pods
 * @property {string} redis_engine
 * @property {string} redis_version
 * @property {string} redis_state
 * @property {string} policy
 * @property {Record<string, string>} stores
 * @property {{prefix: string, keys: KeyInfo[], complete: boolean}[]} keys
 * @property {string|null} keys_problem
 * @property {boolean} restarts Whether pods can be restarted from here.
 * @property {boolean} runs
 * @property {number} now
 * @property {StackEvent[]} events The latest things that were done to the stack, the oldest first.
 * @property {{rules: {endpoint: string, latency_ms: number, error_rate: number}[]}|null} ml_faults
 */

/**
 * @typedef {object} Message An arrow of a sequence picture.
 * @property {number} time
 * @property {string} source
 * @property {string} target
 * @property {string} label
 * @property {"request"|"reply"|"failed"|"note"} kind
 */

/**
 * @typedef {object} Finding
 * @property {string} cause
 * @property {number} count
 * @property {string|null} challenge
 * @property {string[]} challenges
 * @property {string} sentence
 * @property {string[]} also
 * @property {{at: number, text: string, line: number|null}[]} evidence
 * @property {string} change
 */

/**
 * @typedef {object} Explanation
 * @property {string} verdict
 * @property {Finding[]} findings
 * @property {Message[]} messages
 * @property {string[]} missing
 * @property {string[]} remarks
 */

/** @typedef {"plain"|"good"|"bad"|"held"|"quiet"} Tone */

/**
 * @typedef {object} Row One line of the stream.
 * @property {string} id
 * @property {number} time Seconds since the epoch.
 * @property {"exchange"|"redis"|"stack"} kind
 * @property {string|null} pod
 * @property {string} text What it is, in short.
 * @property {string} result How it ended, in short.
 * @property {boolean} worded Whether the result is a word of the page's, to be shown in its language.
 * @property {Tone} tone
 * @property {string|null} challenge
 * @property {Exchange|Command|StackEvent} record
 */

export {};
