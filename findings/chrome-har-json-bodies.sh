#!/usr/bin/env bash
# chrome-har writes different JSON bodies as the same HAR.
#
# A JSON body becomes postData.params, one entry a field, and no text. A list becomes several entries of one name, so
# a list of one value is written as that value, an empty list is not written at all, and a body that is a list is
# written as an object with the fields 0, 1, … What was sent cannot be told from the HAR, and a replay of it sends
# something else. The same body as a form would be written the same way, with texts for numbers.
#
# Versions: chrome-har 1.3.1 (npm), Node 20.20.
# seen: {"ids":[5]} params [{"name":"ids","value":5}]
# seen: {"ids":5} params [{"name":"ids","value":5}]
# seen: {"a":1,"ids":[]} params [{"name":"a","value":1}]
# seen: [7,8] params [{"name":"0","value":7},{"name":"1","value":8}]
# seen: {} params []
set -euo pipefail
script=$(realpath "$0")
for program in node npm; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 4; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit chrome-har@1.3.1 >/dev/null

cat >probe.mjs <<'FILE'
import { harFromMessages } from 'chrome-har';

function exported(postData) {
  const base = { requestId: '1', frameId: 'f', loaderId: 'l', type: 'Fetch', initiator: { type: 'script' } };
  const request = {
    url: 'http://service.test/', method: 'POST', headers: { 'Content-Type': 'application/json' }, postData,
  };
  const response = {
    url: request.url, status: 200, statusText: 'OK', headers: {}, mimeType: 'text/plain', protocol: 'http/1.1',
    connectionId: 1, remoteIPAddress: '127.0.0.1', encodedDataLength: 0,
    timing: {
      requestTime: 1, dnsStart: -1, dnsEnd: -1, connectStart: -1, connectEnd: -1, sslStart: -1, sslEnd: -1,
      sendStart: 0, sendEnd: 0, receiveHeadersEnd: 1,
    },
  };
  const har = harFromMessages([
    { method: 'Page.frameStartedLoading', params: { frameId: 'f' } },
    { method: 'Network.requestWillBeSent', params: { ...base, timestamp: 1, wallTime: 1e9, request } },
    { method: 'Network.responseReceived', params: { ...base, timestamp: 2, response } },
    { method: 'Network.loadingFinished', params: { requestId: '1', timestamp: 3, encodedDataLength: 0 } },
  ]);
  return har.log.entries[0].request.postData;
}

for (const body of ['{"ids":[5]}', '{"ids":5}', '{"a":1,"ids":[]}', '[7,8]', '{}']) {
  const { text, params } = exported(body);
  console.log(body, text === undefined ? 'params' : `text ${text}`, JSON.stringify(params));
}
FILE
node probe.mjs | tee seen.txt
sed -n 's/^# seen: //p' "$script" >expected.txt
diff expected.txt seen.txt
