-- Raises a server's counter. HINCRBY alone would bring back a server that has been removed.   ARGV: server
local counter = redis.call('HGET', KEYS[4], ARGV[1])
if not counter or counter == 'lost' then
  return 0
end
redis.call('HINCRBY', KEYS[4], ARGV[1], 1)
return 1
