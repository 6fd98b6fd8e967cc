# The page that tests a connection. Each result says what is so, what it means, and what to do.
# Ids begin with "test-", and then name the test and what came of it (site/connection-test/outcome.ts).

## What there is to press

test-start = Start test
test-again = Test again
test-skip = Skip
test-devices = Camera and microphone too
test-devices-help = Your browser asks you first. Nothing is recorded or sent.
test-ready = Ready when you are
test-ready-words = It takes about half a minute. Please stop other downloads meanwhile.
test-running = Testing…
test-running-words = { $done } of { $all } done
test-too-many = That was often for now. Please try again in { $minutes ->
    [one] a minute
   *[other] { $minutes } minutes
}.
test-no-servers = The server did not answer. Check your internet connection, then try again.
test-announce = { $test }: { $state }
test-button = { $what }: { $test }

## The tests

test-group-devices = Your devices
test-group-way = Your way to this server
test-group-quality = How well it carries a call
test-camera = Camera
test-microphone = Microphone
test-socket = Connection to the server
test-socket-tech = WebSocket
test-stun = Direct connections
test-stun-tech = STUN, UDP
test-udp = Relay over UDP
test-udp-tech = TURN
test-tcp = Relay over TCP
test-tcp-tech = TURN
test-tls = Relay over TLS
test-tls-tech = TURN
test-speed = Speed and loss

## How a test stands

test-state-waiting = Not tested yet
test-state-running = Testing…
test-state-works = Works
test-state-trouble = Needs a look
test-state-blocked = Blocked
test-state-none = Not working
test-state-absent = Not offered
test-state-unmeasured = Not measured
test-state-skipped = Skipped

## Before a test has a result: what it is about

test-camera-about = Whether others will see you.
test-microphone-about = Whether others will hear you.
test-socket-about = What holds a call together: who is there, and the chat.
test-stun-about = Picture and sound on the shortest way, from person to person.
test-udp-about = The way around, where no direct one is found.
test-tcp-about = For networks that let no UDP through.
test-tls-about = For networks that let only secure web traffic through.
test-speed-about = How much gets to the server and back in five seconds.
test-camera-running = Please allow your browser to use the camera, then look into it.
test-microphone-running = Please say a few words.

## Camera and microphone

test-camera-works = Others will see you. ({ $width } × { $height })
test-camera-dark = The picture is black. Is a cover closed, or is it another camera? You can choose one before you join.
test-camera-denied = This page may not use your camera. To allow it, press the icon beside the address of this page, allow the camera, then test again.
test-camera-not_found = No camera was found. Plug one in and test again. You can also join calls without one.
test-camera-busy = Your camera is being used by another program. Close that program, then test again.
test-camera-insecure = Browsers give camera and microphone only to pages with a secure address. Open this page with https:// in front, or ask the person who runs this server.
test-camera-unsupported = This browser cannot use a camera.
test-camera-overconstrained = Your camera could not be started. Unplug it and plug it in again, then test again.
test-camera-failed = Your camera gives no picture. Unplug it and plug it in again, then test again.
test-camera-skipped = You can see your picture before you join a call, too.
test-microphone-works = We hear you, and so will the others.
test-microphone-silent = We heard nothing. Is the microphone muted on the device, or is it another one? Test again and say a few words.
test-microphone-denied = This page may not use your microphone. To allow it, press the icon beside the address of this page, allow the microphone, then test again.
test-microphone-not_found = No microphone was found. Plug one in and test again. You can also join calls without one.
test-microphone-busy = Your microphone is being used by another program. Close that program, then test again.
test-microphone-insecure = Browsers give camera and microphone only to pages with a secure address. Open this page with https:// in front, or ask the person who runs this server.
test-microphone-unsupported = This browser cannot use a microphone.
test-microphone-overconstrained = Your microphone could not be started. Unplug it and plug it in again, then test again.
test-microphone-failed = Your microphone could not be started. Unplug it and plug it in again, then test again.
test-microphone-skipped = You can test it before you join a call, too.

## The network

test-socket-works = There and back in { $ms } ms.
test-socket-blocked = A WebSocket to this server does not open: a proxy or a firewall on the way stops it. Without it there are no calls. Ask whoever runs your network to allow WebSocket connections to { $host }.
test-socket-mute = A WebSocket opens, but nothing comes through. A proxy on the way may hold it back; ask whoever runs your network, or this server.
test-socket-too_often = The server was asked too often from your network. Wait a minute, then test again.
test-stun-works = UDP gets out of your network and back, so calls can go straight from person to person.
test-stun-blocked = No answer came over UDP, so there will be no direct connections. Calls go through the relay if one of those below works.
test-stun-absent = This server does not help with finding direct ways.
test-stun-unsupported = This browser cannot make calls. Please use a current Firefox, Chrome, Edge or Safari, and check that no add-on switches WebRTC off.
test-stun-failed = This test went wrong. Please test again.
test-relay-works = There and back in { $ms } ms.
test-relay-blocked = { $over ->
    [udp] No answer came. Your network lets no UDP through to the relay; TCP may work instead.
    [tcp] The relay is not reached over TCP. A firewall lets only some connections through; TLS may work instead.
   *[tls] The relay is not reached over TLS. Ask whoever runs your network to allow { $host }, port { $port }.
}
test-relay-refused = The relay answered, and refused (error { $code }). It may be busy. Test again, and tell whoever runs this server if that stays so.
test-relay-broken = The relay answers, but nothing comes through it. Please tell whoever runs this server: its public address or its firewall may be set wrongly.
test-relay-absent = { $over ->
    [tls] This server has no TLS relay of its own.
   *[other] This server has no relay, so people who cannot reach each other directly cannot be connected.
}
test-relay-unsupported = This browser cannot make calls.
test-relay-failed = This test went wrong. Please test again.
test-speed-works = { $most ->
    [yes] At least { $kbps } kbit/s each way
   *[no] { $kbps } kbit/s each way
}, { $loss } % lost (measured through the relay over { $over ->
    [udp] UDP
    [tcp] TCP
   *[tls] TLS
}).
test-speed-eight = Enough for a video call with eight people.
test-speed-four = Enough for a video call with four people.
test-speed-two = Enough for a video call with one other person, in a smaller picture.
test-speed-sound = Enough for sound. Leave your camera off, or use a faster connection.
test-speed-nothing = Not enough for a call. Use a faster connection, or move closer to your Wi-Fi.
test-speed-lossy = So much loss makes pictures freeze and words break off. A cable, or a place closer to your Wi-Fi, often helps.
test-speed-unreachable = It is measured through the relay, and that is not reached.
test-speed-absent = It is measured through a relay, and this server has none.
test-speed-unsupported = This browser cannot make calls.
test-speed-failed = The connection broke off meanwhile. Please test again.

## What it comes to

test-verdict-direct = Calls will work here, directly.
test-verdict-most = Calls will work here with most people.
test-verdict-udp = Calls will work here, through the relay.
test-verdict-tcp = Calls will work through the relay over TCP.
test-verdict-tls = Calls will work through the relay over TLS.
test-verdict-near = Calls will work only with people in your own network.
test-verdict-blocked = Your network blocks calls.
test-verdict-relay = Calls will not get through from here.
test-verdict-socket = Calls will not work here.
test-verdict-unsupported = This browser cannot make calls.
test-verdict-unknown = We could not find out.
test-note-relay = Where somebody cannot be reached directly, the relay of this server helps out.
test-note-no-relay = This server has no relay for those who cannot be reached directly. If somebody stays without picture and sound, try another network.
test-note-always = On this server everything goes through the relay, so that nobody in a call learns your address.
test-note-not-direct = Direct connections are blocked, so picture and sound take a small detour.
test-ask-udp = Your network blocks UDP. Expect picture and sound to stall for a moment when packets get lost. It is better if whoever runs your network allows UDP to { $host }, port { $port }.
test-ask-network = The relay is not reached. Ask whoever runs your network to allow UDP and TCP to { $host }, port { $port }. If it is your own network, try another one, such as that of your phone.
test-ask-operator = The relay of this server is reached but does not work. Please send the report below to whoever runs this server.
test-ask-no-relay = Your network blocks UDP, and this server has no relay that would get around that. Ask whoever runs your network to allow UDP, or whoever runs this server to switch the relay on.
test-ask-socket = Something between you and the server stops WebSocket connections. Ask whoever runs your network to allow them to { $host }, or try another network.
test-note-slow = Your connection is slow: leave your camera off.
test-note-loss = Much is lost on the way: expect pictures to freeze now and then.
test-note-camera = Your camera needs a look, or others will not see you.
test-note-microphone = Your microphone needs a look, or others will not hear you.

## The report

test-report = Report
test-report-help = For whoever helps you. It has no names and no passwords, and nothing of other people.
test-report-address = Include my public address
test-report-copy = Copy report
test-report-copied = The report is in your clipboard.
test-report-by-hand = It could not be copied. It is selected now: copy it yourself.
test-report-text = Text of the report
test-report-title = Connection test
test-report-server = Server
test-report-time = Time
test-report-browser = Browser
test-report-kinds = Candidates
test-report-kinds-none = none
test-report-public = Public address
test-report-public-unknown = unknown
test-report-result = Result
