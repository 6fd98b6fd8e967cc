# The "Connection" panel and what is said when somebody cannot be reached. Loaded with the panel, not with the page.
# Say what is so, then what the person or the operator may do.

## The panel

connection-list = Connections to the others
connection-nobody = Nobody else is here yet. How you are connected to the others will be shown here.
connection-own = Your own side
connection-server = Server
connection-server-here = Connected
connection-server-away = Reconnecting…
connection-media-server = Through the server
connection-upload = Upload, in all
connection-bandwidth = Your network does not take more just now, so your picture is sent smaller than it could be.
connection-processor = This device is busy just now, so your picture is sent smaller than it could be.
connection-tcp-only = Your network blocks UDP, so everything goes over TCP. That works, but sound and picture stutter when packets get lost.
connection-everyone = Nobody comes through well, so the cause is probably your own network. Moving closer to the Wi-Fi or using a cable often helps.
connection-copy = Copy report
connection-copied = The report is in your clipboard.
connection-by-hand = Copy the report by hand:
connection-test = Connection test
connection-new-tab = opens in a new tab
connection-again = Try again

way-direct = Direct
way-direct-tcp = Direct, over TCP
way-relay = Through the relay
way-relay-udp = Through the relay, UDP
way-relay-tcp = Through the relay, TCP
way-relay-tls = Through the relay, TLS
way-none = No way yet
way-finding = Looking for a way…

quality-lost-short = Interrupted
quality-good-short = Good
quality-fair-short = Fair
quality-poor-short = Poor

number-rtt = Round trip
number-loss = Loss
number-in = In
number-out = Out
number-ms = { $ms } ms
number-percent = { $percent }%
number-kbit = { $rate } kbit/s
number-mbit = { $rate } Mbit/s
number-none = –

plot-caption = Last two minutes, up to { $top }
plot-words = Last two minutes: in between { $inLeast } and { $inMost }, out between { $outLeast } and { $outMost }.
plot-words-gaps = { $count ->
    [one] Interrupted once.
   *[other] Interrupted { $count } times.
}
plot-empty = Nothing has been measured yet.

## When somebody cannot be reached

trouble-udp = Your network blocks UDP, which calls use, and there is no other way here. Try another network, or ask whoever runs this server to open its relay over TCP.
trouble-all = Your network blocks UDP and TCP to the relay. Ask whoever runs this server to open port 443, or try another network.
trouble-relay = There is no direct way to { $name }, and the relay does not let you in. Tell whoever runs this server that its relay cannot be reached, or try another network.
trouble-no-relay = There is no direct way to { $name }, and this server has no relay. Ask whoever runs it to switch the relay on, or try another network.
trouble-peer = All is well on your side, but nothing comes through from { $name }. They can run the connection test or try another network.
trouble-unknown = It could not be found out why. Check your internet connection, then try again. The connection test says more.

## The report, to be pasted into a message

report-title = Fireside connection report
report-browser = Browser: { $browser }
report-network = Network: { $state }
report-online = online
report-offline = offline
report-server = Server: { $state }
report-upload = Upload: { $rate }
report-limited = { $rate }, limited by { $what }
report-diagnosis = Diagnosis: { $kind }
report-tried = { $url }: { $outcome }
report-found = Found here: { $kinds }
report-person = { $name }: { $state }, { $quality }
report-way = { $way }, round trip { $rtt }, loss { $loss }, jitter { $jitter }, in { $in }, out { $out }
report-history = { $what }, oldest first: { $list }
report-in = In, kbit/s
report-out = Out, kbit/s
report-rtt = Round trip, ms
report-loss = Loss, %
