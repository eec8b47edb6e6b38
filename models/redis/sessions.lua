-- Removes and writes rows of a server's sockets, with an entry unless its body is empty.
-- ARGV: generation, server, length of the log, "append <op>", body, number of rows to remove, their ids, and for each
-- row to write: id, row
local seq, refusal = admit(ARGV[1], ARGV[2])
if refusal then
  return refusal
end
local entry_id = '0-0'
if ARGV[5] ~= '' then
  entry_id = add_entry(ARGV[1], ARGV[3], {ARGV[4], ARGV[5], seq, ARGV[2]})
end
local first = 7 + tonumber(ARGV[6])
if first > 7 then
  redis.call('HDEL', sessions_of(ARGV[2]), unpack(ARGV, 7, first - 1))
end
if #ARGV >= first then
  redis.call('HSET', sessions_of(ARGV[2]), unpack(ARGV, first))
end
return entry_id
