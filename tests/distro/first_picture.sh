# Run by try inside the clean base, as a newcomer would: ./run, until cam0's first picture; then a second start, and an end.
cd /root/camweave
port=$((20000 + RANDOM % 20000))
url=http://127.0.0.1:$port/api/v1/cameras/cam0/snapshot.jpg

# start LIMIT_S: starts ./run and sets `waited_ms` to the time until a whole JPEG came.
start() {
  local began_ms=$(date +%s%3N) until=$((SECONDS + $1))
  ./run --set "server.http=\"127.0.0.1:$port\"" --set server.rtsp= </dev/null >server.log 2>&1 &
  server=$!
  until fetch >picture.jpg 2>/dev/null && [ "$(head -c 3 picture.jpg | od -An -tx1 | tr -d ' ')" = ffd8ff ]; do
    kill -0 $server 2>/dev/null || { tail -n 40 server.log; echo "./run ended"; exit 1; }
    [ $SECONDS -lt $until ] || { tail -n 40 server.log; echo "no picture within $1 s"; exit 1; }
    sleep 0.1
  done
  waited_ms=$(($(date +%s%3N) - began_ms))
}

# A minbase has no curl: bash's own TCP does for one request.
fetch() {
  local line
  exec 7<>/dev/tcp/127.0.0.1/$port || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "${url#http://127.0.0.1:$port}" $port >&7
  read -r line <&7
  [[ $line == *" 200 "* ]] || { exec 7>&-; return 1; }
  while read -r line <&7 && [ "$line" != $'\r' ]; do :; done
  cat <&7
  exec 7>&-
}

finish() {
  kill -TERM $server
  wait $server && code=0 || code=$?
  [ $code = 0 ] || { tail -n 20 server.log; echo "SIGTERM to ./run: exit $code, not 0"; exit 1; }
}

start 1500
echo "fresh clone to first picture: $((waited_ms / 1000)) s"
finish
start 20
echo "second start to first picture: $waited_ms ms"
finish
