# The call page: before, in and after a call.
# Plain, calm, kind. An error says what happened and what to do. Names of controls never change with their state.

## Names that tests and assistive technology rely on

microphone = Microphone
camera = Camera
your-name = Your name
join-now = Join now
call-controls = Call controls
share-screen = Share screen
raise-hand = Raise hand
chat = Chat
people = People
connection = Connection
leave = Leave
participants = Participants
chat-messages = Messages
chat-message = Message
chat-send = Send

## Everywhere

you = You
home = Home
settings = Settings
close = Close
close-panel = Close panel
dismiss = Dismiss
untitled = Meeting

## Before the call

preview = How you will be seen
ready = Ready to join?
joining-as = You join as { $name }.
joining = Joining…
name-missing = Please say what the others should call you.
devices = Choose devices
test-before = Test your connection
devices-asking = Your browser asks about your camera and microphone. Please allow both.
camera-is-off = Your camera is off
camera-starting = Your camera is starting…
which-camera = Which camera
which-microphone = Which microphone
which-speaker = Which speaker
speaker-test = Play a test sound
microphone-silent = We hear nothing yet. Is the microphone muted on the device, or is it the wrong one?

browser-old = This browser is too old for video calls. Please update it, or use a current Firefox, Chrome, Edge or Safari.

devices-denied = This page may not use your camera and microphone. To allow it, press the icon beside the address of this page, allow both, then switch them on here. You can also join without them.
devices-not-found = No camera and no microphone were found. Plug them in and switch them on here, or join without. You will see and hear the others.
devices-insecure = Browsers give camera and microphone only to pages with a secure address. Open this page with https:// in front, or ask the person who runs this server. You can also join without them, and see and hear the others.
devices-unsupported = This browser cannot use a camera or microphone. You can still join, and see and hear the others.
microphone-denied = This page may not use your microphone. To allow it, press the icon beside the address of this page, allow the microphone, then switch it on again.
microphone-not-found = No microphone was found. Plug one in and switch it on here, or join without.
microphone-busy = Your microphone is being used by another program. Close that program, then switch the microphone on again.
microphone-failed = Your microphone could not be started. Unplug it and plug it in again, or choose another one.
microphone-unplugged = Your microphone was unplugged, so you are muted. Plug it in again and switch it on.
microphone-replaced = Your microphone went away. You are now heard through { $device }.
camera-denied = This page may not use your camera. To allow it, press the icon beside the address of this page, allow the camera, then switch it on again.
camera-not-found = No camera was found. Plug one in and switch it on here, or join without.
camera-busy = Your camera is being used by another program. Close that program, then switch the camera on again.
camera-failed = Your camera could not be started. Unplug it and plug it in again, or choose another one.
camera-unplugged = Your camera was unplugged, so it is off. Plug it in again and switch it on.
camera-replaced = Your camera went away. You are now seen through { $device }.

join-full = This call is full. Try again when somebody has left.
join-server-full = The server has no room for more calls just now. Try again in a few minutes.
join-not-found = This meeting is not here, or you may not join it. Check the link, or log in and try again.
join-invalid-name = That name cannot be used. Please choose a shorter or simpler one.
join-draining = The server is being restarted. Try again in a minute.
join-rate-limited = That was too often in a short time. Wait a minute, then try again.
join-unavailable = The server cannot let you in just now. Try again in a minute.
join-unreachable = The server cannot be reached. Check your internet connection, then try again.

## In the call

timer = Time since the meeting began
copy-link = Copy link
link-copied = The link is in your clipboard.
link-by-hand = Copy this link by hand: { $link }
peer-to-peer = Peer to peer
peer-to-peer-words = Picture and sound go from person to person, encrypted: straight, or through a relay where networks allow nothing else. The server introduces you to each other and keeps the chat.
through-server = Through the server
through-server-words = Picture and sound go, encrypted, from each of you to this server, and from it, encrypted again, to the others. The server passes them on and keeps nothing of them.
route-size = With this many people that is lighter, for lines and devices, than sending to each of the others.
route-unreachable = Somebody here cannot be reached directly, so the server passes everything on.
route-strained = Sending to each of the others was too much for a line or a device here.
route-setting = This meeting is set to that.
route-full = The server has no room to pass on more calls just now.
route-changing = The way is just changing over. Nothing is interrupted.
alone = Nobody else is here.
invite-copy = Copy the meeting link
tap-to-hear = Tap to hear the others
reconnecting-words = Reconnecting to the server… The call goes on meanwhile.
reconnecting-all = Your connection is interrupted. Reconnecting…

tile-connecting = Connecting…
tile-reconnecting = Reconnecting…
tile-failed = No connection
quality-good = Connection: good
quality-fair = Connection: fair
quality-poor = Connection: poor
held-line = Picture paused: slow connection
held-server = Picture paused: the server is busy
pin = Pin { $name }
pages = Pages
page-before = Previous page
page-after = Next page
page-of = Page { $page } of { $pages }
page-short = { $page } / { $pages }
tile-move = Move your picture with the arrow keys
muted = Muted
hand-raised = Hand raised,

more = More
camera-flip = Turn the camera around
microphone-hint-on = Mute (M)
microphone-hint-off = Unmute (M), or hold Space
camera-hint-on = Camera off (V)
camera-hint-off = Camera on (V)
screen-hint-on = Stop sharing (S)
screen-hint-off = Share your screen (S)
hand-hint-on = Lower your hand (H)
hand-hint-off = Raise your hand (H)
chat-hint = Chat (C)
people-hint = People (P)

screen-yours = You are sharing your screen
screen-of = Screen of { $name }
screen-stop = Stop sharing
screen-enlarge = Full screen
screen-ended = You no longer share your screen.
screen-denied = Nothing is shared.
screen-unsupported = This browser cannot share a screen. A computer can.
screen-failed = Your screen could not be shared. Try again, or choose a window instead.

notice-joined = { $name } joined
notice-left = { $name } left
notice-lost = { $name } lost the connection and is gone
notice-hand = { $name } raised a hand
notice-message = { $name }: { $text }
notice-back = You are connected to the server again.

refused-rate = That was too much at once. Wait a moment, then try again.
refused-name = That name cannot be used. Please choose a shorter or simpler one.
refused-empty = An empty message cannot be sent.
refused-too-long = That is too long to be sent. Please shorten it.
refused-not-saved = The server could not keep your message. It is still here: try again in a moment.
refused-gone = That person is no longer here.
refused-history = Older messages cannot be loaded just now. Try again in a moment.
refused-media = Something between you and another person did not work. It is being tried again.
refused-version = This page and the server do not understand each other. Reload the page.

## Chat

chat-empty = Nothing has been written yet. Those who come later will see what you write.
chat-older = Show older messages
chat-loading = Loading…
chat-unread = New
chat-unread-count = { $count ->
    [one] { $count } unread message
   *[other] { $count } unread messages
}
chat-new = { $count ->
    [one] { $count } new message
   *[other] { $count } new messages
}
chat-left = { $count ->
    [one] { $count } character left
   *[other] { $count } characters left
}
chat-over = { $count ->
    [one] { $count } character too many
   *[other] { $count } characters too many
}
chat-sending = Sending…
chat-failed = Not sent.
chat-retry = Retry
chat-discard = Discard

## People

people-list = People in this call
people-count = { $count ->
    [one] { $count } person
   *[other] { $count } people
}
people-search = Search people
people-nobody = Nobody here is called that.
change-name = Change your name
save-name = Save
role-host = Host
role-guest = Guest
state-sharing = Sharing a screen
state-microphone-on = Microphone on
state-camera-on = Camera on
state-camera-off = Camera off

## Settings and shortcuts

settings-sounds = A soft sound when somebody joins or leaves
settings-shortcuts = Single keys as shortcuts
show-shortcuts = Show keyboard shortcuts
keyboard-shortcuts = Keyboard shortcuts
key-space = Space
key-escape = Esc
key-page-up = Page Up
key-page-down = Page Down
shortcut-pages = Turn the pages of the stage
shortcut-talk = Hold to talk while muted
shortcut-microphone = Microphone on or off
shortcut-camera = Camera on or off
shortcut-screen = Share your screen, or stop
shortcut-hand = Raise or lower your hand
shortcut-chat = Open or close the chat
shortcut-people = Open or close the list of people
shortcut-help = This list
shortcut-close = Close what is open
shortcut-arrows = Move along the controls

## After the call

rejoin = Rejoin
ended-left = You left the call
ended-left-words = See you soon.
ended-lost = The connection was lost
ended-lost-words = The server could not be reached for a while. Check your internet connection, then rejoin.
ended-replaced = You joined from somewhere else
ended-replaced-words = This call goes on in your other window or on your other device.
ended-signed-out = You were logged out
ended-signed-out-words = Your account was logged out, perhaps in another window. Log in again to join.
ended-misbehaving-words = This page and the server did not understand each other. Reload the page, then join again.
ended-room-deleted = This meeting is gone
ended-room-deleted-words = Its owner deleted it.
ended-other = The call has ended for you
