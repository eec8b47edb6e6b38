-- Stands before each of the other scripts.
-- KEYS: meta, log, users, nodes

-- Redis changes this id when it restarts, when a replica is promoted, and when a replica attaches to it for the first
-- time. It must be read here: what a client has read is as old as its connection. The run_id would not do, because it
-- is the old one again after a failover there and back.
local function current_fence()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- The last seq as text, or nil and the reply that refuses the command.
local function admit(generation, server)
  local meta = redis.call('HMGET', KEYS[1], 'generation', 'fence', 'seq')
  -- If the log alone is gone, its ids would begin again below those that the servers have applied.
  local is_whole = tonumber(meta[3]) and redis.call('EXISTS', KEYS[2]) == 1
  if meta[1] ~= generation or meta[2] ~= current_fence() or not is_whole then
    return nil, {'STALE', meta[1] or '0'}
  end
  local counter = redis.call('HGET', KEYS[4], server)
  if not counter or counter == 'lost' then
    return nil, {'FENCED'}
  end
  return meta[3]
end

-- The key of the rows of a server's sockets, which has the same prefix as `nodes`.
local function sessions_of(server)
  return string.sub(KEYS[4], 1, -6) .. 'sessions:' .. server
end

local function add_entry(generation, length, fields)
  return redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, generation .. '-*', unpack(fields))
end
