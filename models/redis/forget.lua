-- Removes a server that was declared lost.   ARGV: server
if redis.call('HGET', KEYS[4], ARGV[1]) == 'lost' then
  redis.call('HDEL', KEYS[4], ARGV[1])
end
return 1
