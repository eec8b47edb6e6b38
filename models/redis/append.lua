-- Writes records, all of them or none, and one entry about them.
-- ARGV: generation, server, length of the log, "append <op>", body, and for each record: user id, id of the entry that
-- wrote the record seen ('' for none), new record, which begins with '+' if it is announced and with '-' if not
-- A stored record is '<id of the entry> <seq of the last announcement> <record>'.
local seq, refusal = admit(ARGV[1], ARGV[2])
if refusal then
  return refusal
end

local users, stored = {}, {}
for i = 6, #ARGV, 3 do
  users[#users + 1] = ARGV[i]
end
if #users > 0 then
  stored = redis.call('HMGET', KEYS[3], unpack(users))
end

local conflict, announced = {'CONFLICT'}, {}
for i, user in ipairs(users) do
  local entry_id = ''
  if stored[i] then
    entry_id, announced[i] = string.match(stored[i], '^(%d+%-%d+) (%d+) [+-]')
    entry_id = entry_id or ''  -- nothing that this script has written: it is replaced
  end
  if entry_id ~= ARGV[i * 3 + 4] then
    conflict[#conflict + 1] = user
    conflict[#conflict + 1] = stored[i] or ''
  end
end
if #conflict > 1 then
  return conflict
end

local fields = {ARGV[4], ARGV[5], seq, ARGV[2]}
for i = 6, #ARGV, 3 do
  fields[#fields + 1] = ARGV[i]
  fields[#fields + 1] = ARGV[i + 2]
end
-- The first write. If Redis refuses writes, it refuses this one, and nothing has been written.
local entry_id = add_entry(ARGV[1], ARGV[3], fields)
if #users == 0 then
  return entry_id
end

local last, pairs_to_set = tonumber(seq), {}
for i, user in ipairs(users) do
  local record, own_seq = ARGV[i * 3 + 5], announced[i] or '0'
  if string.byte(record) == 43 then
    last = last + 1
    own_seq = string.format('%d', last)
  end
  pairs_to_set[#pairs_to_set + 1] = user
  pairs_to_set[#pairs_to_set + 1] = entry_id .. ' ' .. own_seq .. ' ' .. record
end
redis.call('HSET', KEYS[3], unpack(pairs_to_set))
redis.call('HSET', KEYS[1], 'seq', string.format('%d', last))
return entry_id
