-- Adds a server. One that is there stays as it is.   ARGV: server
redis.call('HSETNX', KEYS[4], ARGV[1], 1)
return redis.call('HGET', KEYS[4], ARGV[1]) == 'lost' and 0 or 1
