-- Grade one answer and count the attempt, in one step: nothing can come between judging and counting.
--
-- KEYS[1] session: a string, JSON.    KEYS[2] its receipt: a hash in the same cluster slot.
-- ARGV    1 token of the request  2 captcha type  3 answer  4 basis of the answer
--         5 limit of attempts     6 session TTL, seconds    7 least receipt TTL, milliseconds
-- Returns {state, attempts, document}:
--   right, wrong   graded, counted; ended at success or at the limit
--   solved         refused: it was solved, by this person before or by another
--   absent         no such session (any more)
--   other          nothing done: the answer was worked out for another picture than the document's
--   broken         nothing done: no session lies under this key
--
-- The receipt holds the answer to each token, so that a command which is sent again because its reply was lost is
-- answered as before, not counted again. It stays as long as the session had left to live: a client that got 503
-- because every reply was lost, and tries again, gets "already solved" and never "not found".

local session, receipt = KEYS[1], KEYS[2]
local token, kind, answer, basis = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, session_ttl, receipt_ttl = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

-- true or false; nil where the document holds no answer to compare with; 'other'
local function judge(doc)
  if kind == 'abstract' then
    local positives = {}
    if type(doc.is_positive) == 'table' then
      for index, flag in ipairs(doc.is_positive) do
        if flag == true then positives[#positives + 1] = index - 1 end
      end
    end
    if #positives == 0 then return nil end -- else an empty selection would be right
    return table.concat(positives, ',') == answer
  elseif kind == 'handwriting' then
    if type(doc.target_class) ~= 'string' then return nil end
    local truth = string.gsub(string.lower(doc.target_class), '[^a-z0-9]', '')
    if truth == '' then return nil end
    return truth == answer
  end
  if type(doc.image_url) ~= 'string' or type(doc.target_label) ~= 'string' then return nil end
  if doc.image_url .. '\n' .. doc.target_label ~= basis then return 'other' end
  return answer == 'right'
end

local earlier = redis.call('HMGET', receipt, token, 'document', 'solved')
if earlier[1] then
  local state, attempts = string.match(earlier[1], '^(%a+):(%d+)$')
  return {state, tonumber(attempts), earlier[2]}
end

local raw = redis.pcall('GET', session)
if type(raw) == 'table' then return {'broken', 0, raw.err} end
if not raw then return {earlier[3] and 'solved' or 'absent', 0, ''} end

local decoded, doc = pcall(cjson.decode, raw)
if not decoded or type(doc) ~= 'table' then return {'broken', 0, 'not a JSON object'} end
if doc.type ~= kind or type(doc.attempts) ~= 'number' then return {'broken', 0, 'not a session of this type'} end
if doc.attempts >= limit then
  redis.call('DEL', session)
  return {'absent', 0, ''}
end
local right = judge(doc)
if right == nil then return {'broken', 0, 'no answer in the session'} end
if right == 'other' then return {'other', 0, raw} end

local attempts = doc.attempts + 1
local state = right and 'right' or 'wrong'
redis.call('HSET', receipt, token, state .. ':' .. attempts, 'document', raw)
if right then redis.call('HSET', receipt, 'solved', '1') end
redis.call('PEXPIRE', receipt, math.max(receipt_ttl, redis.call('PTTL', session)))
if right or attempts >= limit then
  redis.call('DEL', session)
else
  doc.attempts = attempts
  redis.call('SET', session, cjson.encode(doc), 'KEEPTTL')
  if redis.call('PTTL', session) == -1 then redis.call('EXPIRE', session, session_ttl) end
end
return {state, attempts, raw}
