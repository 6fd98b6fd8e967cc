# The words of the server-rendered pages. A test keeps them and their uses together.

site-name = Fireside
skip-to-content = Skip to the content
web-not-built = The web client was not built into this server, so pages have no style and calls do not work. Run “cargo xtask serve”, which builds it first.

nav-label = Main
nav-rooms = Rooms
nav-account = Account
nav-log-in = Log in
nav-log-out = Log out
nav-sign-up = Sign up

## Home

home-page-title = Fireside: video meetings on your own server
home-title = Sit down together, wherever you are.
home-lead = Video calls on your own server. Share a link, and everyone is in the room.
home-sign-up-why = It takes a minute.
home-why = Why Fireside
home-why-between-title = Between you
home-why-between = Calls go straight from person to person, encrypted. The server only introduces you.
home-why-lasting-title = Here to stay
home-why-lasting = A room keeps its link and its chat. Lose the network for a moment and you are back in your seat.
home-why-yours-title = Yours
home-why-yours = One program on your own machine. Nothing is sent to anyone else.
home-deleted = Your account and everything in it is deleted.
home-member-title = Good to see you,
home-member-lead = Start a meeting and send its link to the others.
home-new-meeting = New meeting
home-recent = Your rooms
home-recent-all = All rooms
home-recent-none = No rooms yet. Start a meeting, and its room stays here for the next time.

join-label = Meeting code or link
join-button = Join
join-empty = Type the code or paste the link that you were sent.
join-invalid = That is not a meeting code. It has twelve letters and digits, like k7fq-2mzx-9tda.
join-elsewhere = That link leads to another server. Open it in a new tab instead.

## Sign up and log in

sign-up-title = Make your account
sign-up-username = Username
sign-up-email = Email
sign-up-password = Password
sign-up-password-help = Ten characters or more. A few words in a row are easy to remember and hard to guess.
sign-up-confirm = Confirm password
sign-up-have = Already have an account?

log-in-title = Welcome back
log-in-login = Username or email
log-in-password = Password
log-in-wrong = That name and password do not go together. Check both and try again.
log-in-have-not = New here?

## What is wrong with a field

form-wrong = Something needs another look:
field-reveal = Show
field-empty = Please fill this in.
field-too-long = This can have { $count } characters at most.
field-username-invalid = Use letters, digits and . _ - + only.
field-username-at = A username with an @ must be your own email address.
field-username-taken = Somebody has this username. Please choose another.
field-email-invalid = This is not a complete email address.
field-email-taken = There is an account with this email address already.
field-password-short = A password needs { $count } characters or more.
field-password-long = A password can have { $count } characters at most.
field-password-similar = This is too much like your name or email address.
field-password-common = This password is among the first that others would guess.
field-password-numeric = A password needs more than digits.
field-password-differs = The two passwords are not the same.

## Account

account-title = Your account
account-username = Signed in as
account-profile-title = About you
account-name = Name shown in calls
account-name-help = Everyone in a call sees it.
account-email = Email
account-profile-save = Save
account-profile-done = Saved.
account-password-title = Password
account-password-explained = Changing it logs you out everywhere else, calls included.
account-password-current = Current password
account-password-new = New password
account-password-confirm = Confirm new password
account-password-save = Change password
account-password-done = Your password is changed, and all your other log-ins have ended.
account-password-wrong = This is not your password.
account-delete-title = Delete my account
account-delete-explained = Your account and all your rooms with their chat are deleted at once. This cannot be undone.
account-delete-password = Your password
account-delete-button = Delete my account

## Rooms

rooms-title = Your rooms
rooms-people = { $count ->
    [one] 1 person in the call
   *[other] { $count } people in the call
}
rooms-copy = Copy link
rooms-copied = Link copied
rooms-copy-failed = Could not copy. Select the link and copy it yourself.
rooms-settings = Settings
rooms-name = Room name
rooms-guests = Guests may join with the link
rooms-guests-help = When this is off, only people with an account on this server can come in. Guests who are in a call already stay until they leave.
rooms-route = How sound and picture travel
rooms-route-auto = Automatic
rooms-route-mesh = Always from person to person
rooms-route-server = Always through the server
rooms-route-help = Automatic suits most calls: small ones go from person to person, larger ones through the server, and nobody notices the change. From person to person, each sends to all the others, and no more than { $count } people fit. Through the server, everyone sends only once. A call that is going on follows at once.
rooms-route-set = Whoever runs this server has set this for all rooms.
rooms-save = Save
rooms-saved = Saved.
rooms-delete = Delete
rooms-deleted = The room is deleted.
room-default-title = { $name }’s meeting
room-plain-title = Meeting
room-delete-title = Delete this room?
room-delete-explained = Its link stops working, its chat is deleted, and a call that is going on in it ends. This cannot be undone.
room-delete-keep = Keep it
room-delete-button = Delete room

## The call page

call-needs-script = A call needs JavaScript, since your browser itself connects you with the others. Please allow it for this site and load the page again.

## The connection test

connection-test-title = Test your connection
connection-test-lead = See before a call whether your camera, your microphone and your network are ready.
connection-test-needs-script = This test needs JavaScript, since your browser itself makes the connections. Please allow it for this site and load the page again.

## Errors

error-home = To the start page
error-id = If you tell somebody about this, mention
error-host-title = This server has another address
error-host = You reached a Fireside server by a name that it does not know. Whoever runs it can set the right one as its public address.
error-forged-title = That came from another site
error-forged = A page elsewhere tried to do something here in your name, so it was stopped. If that was you, open this site and try again there.
error-stale-title = That form was too old
error-stale = Perhaps you logged in or out in another tab. Go back, load the page again, and send it once more.
error-closed-title = Sign-up is closed
error-closed = Accounts on this server are made by whoever runs it. Ask them for one.
error-room-title = This room cannot be opened
error-room = The link may be wrong, the room may be gone, or its owner lets only people with an account come in. Check the link, or log in and try again.
error-disk-title = The server’s disk is full
error-disk = Nothing can be saved at the moment. Calls go on. Please tell whoever runs this server.
error-400-title = That did not make sense
error-400 = The server could not understand the request. Go back and try again.
error-403-title = That is not allowed
error-403 = You may not do this. Go back, or start from the home page.
error-404-title = Nothing here
error-404 = There is no such page, or it is not for you. Check the address.
error-405-title = Not this way
error-405 = This page cannot be used like that. Go back and try again.
error-413-title = That was too much
error-413 = What was sent is larger than anything this form can take.
error-429-title = A little slower, please
error-429 = There were too many tries. Wait { $minutes ->
    [one] a minute
   *[other] { $minutes } minutes
} and try again.
error-500-title = That is our fault
error-500 = Something went wrong on the server. It has been noted; please try again in a moment.
error-503-title = One moment
error-503 = The server is starting, stopping or very busy. Please try again in a few seconds.
