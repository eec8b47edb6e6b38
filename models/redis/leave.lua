-- Removes a server and the rows of its sockets, with an entry.   ARGV: generation, server, length of the log, "left <op>", body
local seq, refusal = admit(ARGV[1], ARGV[2])
if refusal then
  return refusal
end
local entry_id = add_entry(ARGV[1], ARGV[3], {ARGV[4], ARGV[5], seq, ARGV[2]})
redis.call('HDEL', KEYS[4], ARGV[2])
redis.call('UNLINK', sessions_of(ARGV[2]))
return entry_id
