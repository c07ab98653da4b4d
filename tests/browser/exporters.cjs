// Plays the story of exporters.py in Chromium and writes what chrome-har and puppeteer-har export of it.
// node exporters.cjs FOLDER-WITH-NODE_MODULES CHROMIUM BASE-URL PLACE OUT-FOLDER
const path = require('path');
const fs = require('fs');
const { pathToFileURL } = require('url');

const [modules, chromium, base, place, out] = process.argv.slice(2);
const load = name => import(pathToFileURL(require.resolve(name, { paths: [modules] })).href);
const OBSERVED = [
  'Page.loadEventFired', 'Page.domContentEventFired', 'Page.frameStartedLoading', 'Page.frameAttached',
  'Network.requestWillBeSent', 'Network.requestServedFromCache', 'Network.dataReceived',
  'Network.responseReceived', 'Network.responseReceivedExtraInfo', 'Network.requestWillBeSentExtraInfo',
  'Network.resourceChangedPriority', 'Network.loadingFinished', 'Network.loadingFailed',
];

async function send(target, where, fields) {
  const headers = {};
  let body;
  if (where === 'form') body = new URLSearchParams(fields);
  else if (where === 'multipart') { body = new FormData(); for (const name in fields) body.append(name, fields[name]); }
  else { headers['content-type'] = 'application/json'; body = JSON.stringify(fields); }
  return (await fetch(target, { method: 'POST', headers, body })).json();
}

async function main() {
  const puppeteer = (await load('puppeteer-core')).default;
  const { harFromMessages } = await load('chrome-har');
  const PuppeteerHar = (await load('puppeteer-har')).default;
  const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
  const page = await browser.newPage();
  const client = await page.createCDPSession();
  const events = [], bodies = [];
  for (const method of OBSERVED) client.on(method, params => {
    events.push({ method, params });
    if (method === 'Network.loadingFinished') bodies.push(
      client.send('Network.getResponseBody', { requestId: params.requestId }).then(answer => {
        const event = events.find(one => one.method === 'Network.responseReceived' && one.params.requestId === params.requestId);
        if (event) event.params.response.body = answer.body;
      }, () => {}));
  });
  await client.send('Page.enable');
  await client.send('Network.enable');
  const recorder = new PuppeteerHar(page);
  await recorder.start({ path: path.join(out, 'puppeteer-har.har'), saveResponse: true });
  await page.goto(base + '/');
  const post = (target, where, fields) => page.evaluate(send, target, where, fields);
  if (place === 'cookie') {
    for (const answer of ['wrong', 'right']) {
      await post('/basket', 'json', {});
      await post('/basket/items', 'json', { answer, n: [1, 2] });
    }
  } else {
    const first = (await post('/create', 'json', {})).challenge_id;
    const second = (await post('/create', 'json', {})).challenge_id;
    await post('/verify', place, { challenge_id: second, answer: 'right' });
    await post('/verify', place, { challenge_id: first, answer: 'wrong' });
    await post('/old', place, { challenge_id: first, answer: 'wrong' });
  }
  await Promise.all(bodies);
  await recorder.stop();
  await browser.close();
  const write = (name, options) =>
    fs.writeFileSync(path.join(out, name), JSON.stringify(harFromMessages(events, options)));
  write('chrome-har-text.har', { includeTextFromResponseBody: true });
  write('chrome-har.har', {});
}

main().catch(error => { console.error(error); process.exit(1); });
