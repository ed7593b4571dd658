-- Requests out of a file of records, as compare-apps writes them, for one thread of wrk:
--   wrk … -s requests.lua URL -- FILE FIRST COUNT walk|spread
-- It walks through the records from FIRST on, over and over, or picks any of them each time.

local RECORD = 384
-- Records that are kept as one string: a string each would be slow to make.
local TOGETHER = 1000

local chunks = {}
local count, walks
local at = 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   file:seek("set", RECORD * tonumber(args[2]))
   count, walks = tonumber(args[3]), args[4] == "walk"
   for first = 0, count - 1, TOGETHER do
      local chunk = file:read(RECORD * math.min(TOGETHER, count - first))
      chunks[#chunks + 1] = chunk
   end
   file:close()
   math.randomseed(os.time())
end

function request()
   local n = at
   if walks then
      at = (at + 1) % count
   else
      n = math.random(0, count - 1)
   end
   local chunk = chunks[math.floor(n / TOGETHER) + 1]
   local start = RECORD * (n % TOGETHER)
   local length = tonumber(chunk:sub(start + 1, start + 4))
   return chunk:sub(start + 5, start + 4 + length)
end
