#!/bin/bash
# Stands in for QEMU: takes its channels from the command line as QEMU does and speaks just enough QMP. What it does as
# a "guest" when it is continued is the shell text in FAKE_GUEST; it writes to "$console" and talks over "$agent".

for argument in "$@"; do
  case $argument in
    socket,fd=*,id=console) console=${argument//[^0-9]/} ;;
    socket,fd=*,id=agent) agent=${argument//[^0-9]/} ;;
    socket,fd=*,id=monitor) monitor=${argument//[^0-9]/} ;;
  esac
done
export console agent  # for FAKE_GUEST

event() { echo "{\"event\": \"$1\", \"data\": ${2:-{\}}}" >&"$monitor"; }

echo '{"QMP": {"version": {}, "capabilities": []}}' >&"$monitor"
while read -r line <&"$monitor"; do
  id=${line##*\"id\":}
  result='{}'
  case $line in *query-cpus-fast*) result="[{\"thread-id\": $$}]" ;; esac
  answer="\"return\": $result"
  case $line in *no_such_event*) answer='"error": {"class": "GenericError", "desc": "no such event"}' ;; esac
  echo "{$answer, \"id\": ${id%\}}}" >&"$monitor"
  case $line in
    *'"cont"'*) eval "$FAKE_GUEST" ;;
    *'"quit"'*) exit 0 ;;
  esac
done
export console agent  # for FAKE_GUEST
