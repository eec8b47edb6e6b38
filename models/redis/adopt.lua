-- Tells the current generation. The first server to find another Redis behind the address begins a new one.
-- ARGV: generation, seq and epoch that the server knows ('0', '0' and '' for none), epoch of a new generation, id of
-- the database, length of the log
-- Returns: 'KNOWN' or 'NEW', generation, epoch, seq, id of the last entry, id of the last one before the generation
local meta = redis.call('HMGET', KEYS[1], 'generation', 'fence', 'seq', 'epoch', 'cut', 'database')
if meta[6] and meta[6] ~= ARGV[5] then
  return {'FOREIGN'}
end
-- A replica has its primary's fence, and would pass for it as long as nobody writes.
if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
  return redis.error_reply('READONLY this server is a replica')
end
local fence = current_fence()
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local last_id = newest and newest[1] or '0-0'
-- Numbers that are none were not written here, and count as lost.
local current, known, last_seq = tonumber(meta[1]) or 0, tonumber(ARGV[1]), tonumber(meta[3])

-- A server that knows a later generation, or the same one with another epoch, knows entries that Redis has lost.
local is_ahead = known > current or (known == current and ARGV[3] ~= meta[4])
local is_whole = last_seq and redis.call('EXISTS', KEYS[2]) == 1
if meta[2] == fence and is_whole and not is_ahead then
  return {'KNOWN', meta[1], meta[4], meta[3], last_id, meta[5]}
end

-- The time keeps generations rising when Redis has lost everything and no server remembers.
local now = redis.call('TIME')
local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
local generation = string.format('%d', math.max(current + 1, known + 1, milliseconds))
-- The step exceeds what other servers may have announced and Redis has lost.
local seq = math.max(last_seq or 0, tonumber(ARGV[2]))
seq = string.format('%d', (current > 0 or known > 0) and seq + 1048576 or 0)
local entry_id = add_entry(generation, ARGV[6], {'rebase', '', seq, '', ARGV[4], last_id})
redis.call('HSET', KEYS[1], 'generation', generation, 'fence', fence, 'seq', seq, 'epoch', ARGV[4], 'cut', last_id,
  'database', ARGV[5])
return {'NEW', generation, ARGV[4], seq, entry_id, last_id}
