// Plays a stream that ffmpeg publishes in a real browser, by each way to watch, and tries the console.
//
//   node test/browser.test.mjs PROGRAM [PATTERN]
//
// Only tests whose names contain PATTERN are run.
import { guard, open } from './browser.mjs'
import { play, publish, serve, stop } from './server.mjs'

const [, , program = '../build/leat', pattern = ''] = process.argv
const patience = Number(process.env.PATIENCE ?? 60) * 1000 // of one step, ms: machines may be slow
const ways = ['whep', 'flv', 'mp4', 'hls']

const tests = []
const test = (name, run) => tests.push({ name, run })

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
}

// moves waits until a video shows rising times and frames.
async function moves(page, video) {
  const handle = await page.waitForSelector(video, { timeout: patience, state: 'attached' })
  const look = () => handle.evaluate((v) => ({ time: v.currentTime, frames: v.getVideoPlaybackQuality().totalVideoFrames }))
  await page.waitForFunction((v) => v.readyState >= 2 && v.getVideoPlaybackQuality().totalVideoFrames > 5, handle, { timeout: patience })
  const before = await look()
  await page.waitForFunction(
    ([v, b]) => v.currentTime > b.time + 1 && v.getVideoPlaybackQuality().totalVideoFrames > b.frames + 10, [handle, before], { timeout: patience })
  return look()
}

for (const way of ways) {
  test(`the watch page plays by ${way}`, async ({ server, browse }) => {
    const page = await browse(`${server.http}/live/studio`)
    await page.selectOption('#way', way)
    await moves(page, `video[data-way=${way}]`)
    equal(await page.locator('.bar .live').textContent(), 'LIVE', 'the mark')
  })
}

test('the watch page says what WebRTC leaves out, and prefers a way with sound', async ({ server, browse }) => {
  const page = await browse(`${server.http}/live/studio`)
  await moves(page, 'video')
  if ((await page.getAttribute('video', 'data-way')) === 'whep') throw new Error('the page has chosen WebRTC for a stream with AAC')
  await page.selectOption('#way', 'whep')
  await moves(page, 'video[data-way=whep]')
  await page.getByText('without audio track 0 (aac)').waitFor({ timeout: patience })
})

test('a browser publishes over WebRTC, and the watch page plays it by WebRTC and by HLS', async ({ server, browse }) => {
  const camera = await browse(`${server.http}/`)
  const answer = await camera.evaluate(whip, `${server.http}/live/camera/whip`)
  equal(answer.status, 201, 'the answer to WHIP')
  const page = await browse(`${server.http}/live/camera`)
  await moves(page, 'video[data-way=whep]') // with sound, so it is the best
  await page.selectOption('#way', 'hls')
  await moves(page, 'video[data-way=hls]')
  equal(await camera.evaluate(async (url) => (await fetch(url, { method: 'DELETE' })).status, answer.session), 200, 'the answer to DELETE')
})

// whip runs in a page and publishes its camera and microphone.
async function whip(url) {
  const pc = new RTCPeerConnection()
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true })
  for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [media] })
  await pc.setLocalDescription(await pc.createOffer())
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
  if (answer.ok) await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  window.publishing = pc // or it would be collected
  return { status: answer.status, session: new URL(answer.headers.get('Location') ?? '', url).href }
}

// delayOf returns what the watch page says of its delay, in seconds, once it has settled: the median of some seconds.
async function delayOf(page) {
  const seen = []
  while (seen.length < 7) {
    await page.waitForFunction(() => /behind/.test(document.querySelector('.bar .delay').textContent), null, { timeout: patience })
    const [, number, unit] = /([\d.]+) (m?s) behind/.exec(await page.locator('.bar .delay').textContent()) ?? []
    if (number) seen.push(Number(number) / (unit === 'ms' ? 1000 : 1))
    await page.waitForTimeout(700)
  }
  return seen.sort((a, b) => a - b)[3]
}

test('low-latency HLS plays part by part, with less delay than HLS', async ({ server, browse }) => {
  process.env.LEAT_HLS_MODE = 'plain'
  const other = await serve(program)
  delete process.env.LEAT_HLS_MODE
  const plainly = publish(`${other.rtmp}/live/studio`)
  const watchHLS = async (of) => {
    const parts = new Set()
    const page = await browse(`${of.http}/live/studio`, {}, of)
    page.on('response', (r) => {
      if (r.ok() && /-\d+\.\d+\.mp4$/.test(new URL(r.url()).pathname)) parts.add(r.url())
    })
    await page.selectOption('#way', 'hls')
    await moves(page, 'video[data-way=hls]')
    return { delay: await delayOf(page), parts: parts.size }
  }
  const low = await watchHLS(server)
  const plain = await watchHLS(other)
  plainly.kill()
  if (low.parts < 10) throw new Error(`${low.parts} parts were loaded`)
  equal(plain.parts, 0, 'the number of parts of plain HLS')
  if (low.delay >= plain.delay) throw new Error(`low latency is ${low.delay} s behind, plain HLS ${plain.delay} s`)
})

test('the watch page chooses a way, and waits for a stream that is not live', async ({ server, browse }) => {
  const page = await browse(`${server.http}/live/later`)
  await page.getByText('Waiting for the stream').waitFor({ timeout: patience })
  const late = publish(`${server.rtmp}/live/later`)
  await moves(page, 'video')
  late.kill()
})

test('the watch page fits a phone', async ({ server, browse }) => {
  const page = await browse(`${server.http}/live/studio`, { viewport: { width: 360, height: 740 } })
  await moves(page, 'video')
  await page.getByRole('button', { name: 'Tap for sound' }).click()
  equal(await page.$eval('video', (v) => v.muted), false, 'muted')
  await fits(page)
})

test('the front page leads to a stream', async ({ server, browse }) => {
  const page = await browse(`${server.http}/`)
  await page.getByLabel('Stream').fill('live/studio')
  await page.getByRole('button', { name: 'Watch' }).click()
  await page.waitForURL(`${server.http}/live/studio`)
  await moves(page, 'video')
})

test('the front page names streams that are listed', async ({ browse }) => {
  process.env.LEAT_DEFAULTS_LISTED = 'true'
  const open = await serve(program)
  delete process.env.LEAT_DEFAULTS_LISTED
  const shown = publish(`${open.rtmp}/live/garden`)
  const page = await browse(`${open.http}/`, { viewport: { width: 360, height: 740 } }, open)
  await page.getByRole('link', { name: 'live/garden' }).waitFor({ timeout: patience })
  await fits(page)
  shown.kill()
})

test('the console shows a stream, and its numbers move', async ({ server, browse }) => {
  const page = await browse(server.admin)
  const cell = page.locator('tr', { hasText: 'live/studio' }).locator('[data-bitrate]')
  await cell.waitFor({ timeout: patience })
  await page.waitForFunction((c) => Number(c.dataset.bitrate) > 100_000, await cell.elementHandle(), { timeout: patience })
  const before = await cell.getAttribute('data-bitrate')
  await page.waitForFunction(([c, b]) => c.dataset.bitrate !== b, [await cell.elementHandle(), before], { timeout: patience })
  await page.getByRole('link', { name: 'live/studio' }).first().click()
  await page.getByText('640×360').first().waitFor({ timeout: patience })
  await page.getByText(/h264 \(.*30 fps/).waitFor({ timeout: patience })
})

test('the console plays by several ways side by side', async ({ server, browse }) => {
  const page = await browse(`${server.admin}/#/streams/live%2Fstudio`)
  for (const name of ['WebRTC', 'HTTP-FLV', 'fMP4', 'HLS']) await page.getByRole('button', { name, exact: true }).click()
  for (const way of ways) await moves(page, `video[data-way=${way}]`)
  equal(await page.getByText(/behind$/).count(), ways.length, 'the number of delays')
})

test('the console records and lists recordings', async ({ server, browse }) => {
  const page = await browse(`${server.admin}/#/streams/live%2Fstudio`)
  await page.getByRole('button', { name: 'Record', exact: true }).click({ timeout: patience })
  await page.getByRole('button', { name: 'Stop recording' }).click({ timeout: patience })
  await page.getByRole('link', { name: 'Recordings' }).click()
  await page.getByRole('button', { name: /^Delete live\/studio/ }).first().click({ timeout: patience })
  await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByText('Nothing was recorded yet').waitFor({ timeout: patience })
})

test('the console kicks a viewer', async ({ server, browse }) => {
  play(`${server.rtmp}/live/studio`)
  const page = await browse(`${server.admin}/#/connections`)
  const row = page.locator('tr', { hasText: 'player' })
  await row.getByRole('button', { name: /^Kick/ }).click({ timeout: patience })
  await page.getByRole('button', { name: 'Yes' }).click()
  await row.waitFor({ state: 'detached', timeout: patience })
})

test('the console lists viewers over HTTP and ends one', async ({ server, browse }) => {
  const watching = await browse(`${server.http}/live/studio`)
  await watching.selectOption('#way', 'flv')
  await moves(watching, 'video[data-way=flv]')
  const page = await browse(`${server.admin}/#/streams/live%2Fstudio`)
  const row = page.locator('tr', { hasText: 'HTTP-FLV' }).first()
  await row.waitFor({ timeout: patience })
  const remote = await row.locator('th').textContent()
  await row.getByRole('button', { name: /^Kick viewer/ }).click({ timeout: patience })
  await page.locator('tr', { hasText: remote }).waitFor({ state: 'detached', timeout: patience })
})

test('the console fits a phone in either theme', async ({ server, browse }) => {
  const page = await browse(server.admin, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' })
  await page.getByRole('link', { name: 'live/studio' }).first().waitFor({ timeout: patience })
  equal(await page.$eval('html', (e) => e.dataset.theme), 'dark', 'the theme')
  await page.getByRole('button', { name: 'Use the light theme' }).click()
  equal(await page.$eval('html', (e) => e.dataset.theme), 'light', 'the theme')
  await fits(page)
})

test('an empty console says how to publish', async ({ browse }) => {
  const empty = await serve(program)
  const page = await browse(empty.admin, {}, empty)
  await page.getByText('Nobody publishes yet').waitFor({ timeout: patience })
  await page.getByText(`${empty.rtmp}/live`, { exact: true }).waitFor({ timeout: patience })
})

// fits checks that a page needs no scrolling sideways.
async function fits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (over > 0) throw new Error(`the page is ${over} pixels too wide`)
}

async function main() {
  const server = await serve(program)
  publish(`${server.rtmp}/live/studio`)
  const browser = await open()
  let passed = 0
  let failed = 0
  for (const { name, run } of tests.filter((t) => t.name.includes(pattern))) {
    const contexts = []
    const wrongs = []
    const browse = async (url, options = {}, of = server) => {
      const context = await browser.newContext(options)
      contexts.push(context)
      const page = await context.newPage()
      wrongs.push(guard(page, [of.http, of.admin].map((u) => new URL(u).host)))
      await page.goto(url)
      return page
    }
    const begun = Date.now()
    try {
      await run({ server, browse })
      const wrong = wrongs.flat()
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
      passed++
      console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`)
    } catch (e) {
      failed++
      console.log(`FAIL  ${name}\n${e.message}`)
      for (const page of contexts.flatMap((c) => c.pages())) console.log(`the page said: ${(await page.innerText('body').catch(() => '')).slice(0, 600)}`)
    }
    for (const context of contexts) await context.close()
  }
  await browser.close()
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0) console.log(server.log.slice(-30).join('\n'))
  return failed === 0 && passed > 0
}

let good = false
try {
  good = await main()
} catch (e) {
  console.error(e.message)
} finally {
  await stop()
}
process.exit(good ? 0 : 1)
