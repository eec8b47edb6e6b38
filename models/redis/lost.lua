-- Declares a server lost unless it has been renewed, and removes the rows of its sockets, with an entry.
-- ARGV: generation, declaring server, length of the log, "lost <op>", lost server, its counter as it was seen
local seq, refusal = admit(ARGV[1], ARGV[2])
if refusal then
  return refusal
end
if redis.call('HGET', KEYS[4], ARGV[5]) ~= ARGV[6] then
  return {'NOT LOST'}
end
local entry_id = add_entry(ARGV[1], ARGV[3], {ARGV[4], '', seq, ARGV[2], ARGV[5], ''})
redis.call('HSET', KEYS[4], ARGV[5], 'lost')
redis.call('UNLINK', sessions_of(ARGV[5]))
return entry_id
