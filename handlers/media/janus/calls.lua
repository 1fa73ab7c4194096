-- What Janus runs for us: two sides of a call, one connection each, who gets whose packets, what is written.
--
-- The media node decides everything and says it here, in flat JSON of strings without escapes, so that no
-- JSON library is needed; SDP travels as hexadecimal. The media node is told what browsers report: when their
-- streams' timestamps were (sender reports), and how much they can take (REMB). That a connection is up, or
-- gone, Janus itself tells.

local PACKAGE = "janus.plugin.kaihu"
local legs = {}  -- by session id: { call, role, folder, file, echo, recording }
local calls = {} -- by call id: role -> session id of the side's newest connection

function getVersion() return 1 end
function getVersionString() return "1" end
function getDescription() return "Calls of two sides, one connection each" end
function getName() return "kaihu calls" end
function getAuthor() return "kaihu" end
function getPackage() return PACKAGE end

function init() end
function destroy() end
function resumeScheduler() end

function createSession(id) legs[id] = {} end

function destroySession(id)
	hangupMedia(id)
	legs[id] = nil
end

function querySession(id)
	local leg = legs[id] or {}
	return string.format('{"call":"%s","role":"%s"}', leg.call or "", leg.role or "")
end

local function said(message, name)
	return message:match('"' .. name .. '": ?"([%w%-%._/]*)"')
end

local function unhex(text)
	return (text:gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end))
end

local function other(leg)
	if leg.echo then return calls[leg.call] and calls[leg.call][leg.role] end
	return calls[leg.call] and calls[leg.call][leg.role == "customer" and "agent" or "customer"]
end

-- Nothing goes from or to a connection any more.
local function apart(id)
	local peer = legs[id] and other(legs[id])
	if peer ~= nil then
		removeRecipient(id, peer)
		removeRecipient(peer, id)
	end
end

local asked = {}

function asked.join(id, message, transaction)
	local leg, answer = legs[id], said(message, "answer")
	leg.call, leg.role = said(message, "call"), said(message, "role")
	leg.folder, leg.file = said(message, "folder"), said(message, "file")
	leg.echo = said(message, "echo") == "yes"
	-- An error raised here would end Janus and with it every call: it is called unprotected.
	if not (leg.call and leg.role and leg.folder and leg.file and answer) then return -1, "not understood" end
	pushEvent(id, transaction, '{"kaihu":"joined"}', unhex(answer))
	return 1, nil
end

function asked.key(id)
	sendPli(id)
	return 0, '{"kaihu":"done"}'
end

function asked.rate(id, message)
	setBitrate(id, tonumber(said(message, "bits") or "") or 0)
	return 0, '{"kaihu":"done"}'
end

function handleMessage(id, transaction, message)
	local one = legs[id] and asked[said(message, "do") or ""]
	if one == nil then return -1, "not understood" end
	return one(id, message, transaction)
end

function setupMedia(id)
	local leg = legs[id]
	if leg == nil or not (leg.call and leg.role and leg.folder and leg.file) then return end
	calls[leg.call] = calls[leg.call] or {}
	local before = calls[leg.call][leg.role]
	if before ~= nil and before ~= id then apart(before) end
	calls[leg.call][leg.role] = id
	for _, medium in ipairs({ "audio", "video" }) do
		configureMedium(id, medium, "in", true)
		configureMedium(id, medium, "out", true)
	end
	local peer = other(leg)
	if peer ~= nil then
		addRecipient(id, peer)
		if peer ~= id then addRecipient(peer, id) end
		sendPli(peer)
	end
	if leg.folder ~= "" and not leg.recording then
		leg.recording = true
		startRecording(id, "audio", "opus", leg.folder, leg.file .. ".audio",
			"video", "vp8", leg.folder, leg.file .. ".video")
	end
	sendPli(id)
end

function hangupMedia(id)
	local leg = legs[id]
	if leg == nil or leg.call == nil then return end
	if leg.recording then
		leg.recording = false
		stopRecording(id, "audio", "video")
	end
	local call = calls[leg.call]
	if call ~= nil and call[leg.role] == id then
		apart(id)
		call[leg.role] = nil
		if next(call) == nil then calls[leg.call] = nil end
	end
end

-- RTCP comes a few times a second; RTP itself never reaches this script.
function incomingRtcp(id, video, data, length)
	local leg, at, told = legs[id], 1, false
	if leg == nil or leg.call == nil then return end
	while at + 7 <= length do
		local first, kind, words = string.unpack(">BBI2", data, at)
		local stop = at + 4 + 4 * words
		if first >> 6 ~= 2 or stop > length + 1 then break end
		local form = first & 31
		if kind == 206 and (form == 1 or form == 4) then
			local peer = other(leg)
			if peer ~= nil then sendPli(peer) end
		elseif kind == 200 or (kind == 206 and form == 15) then
			told = true
		end
		at = stop
	end
	if told then
		local hex = data:sub(1, length):gsub(".", function(one) return string.format("%02x", one:byte()) end)
		pushEvent(id, nil, '{"kaihu":"rtcp","data":"' .. hex .. '"}', nil)
	end
end
