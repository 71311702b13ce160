// Takes the pictures of the documents: node test/screenshots.mjs PROGRAM FOLDER
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { open } from './browser.mjs'
import { play, publish, serve, stop } from './server.mjs'

const [, , program = '../build/leat', folder = '../docs/img'] = process.argv

async function take(browser, name, url, options, ready) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  await page.goto(url)
  await ready(page)
  await page.screenshot({ path: join(folder, name) })
  await context.close()
}

async function main() {
  mkdirSync(folder, { recursive: true })
  process.env.LEAT_DEFAULTS_LISTED = 'true'
  const server = await serve(program)
  publish(`${server.rtmp}/live/studio`, { size: '1280x720', bitrate: '2500k' })
  publish(`${server.rtmp}/live/stage-left`, { size: '640x360', bitrate: '900k', rate: 25, source: 'mandelbrot' })
  publish(`${server.rtmp}/cameras/door`, { size: '480x270', bitrate: '350k', rate: 15, source: 'smptebars' })
  await new Promise((done) => setTimeout(done, 4000))
  for (let i = 0; i < 3; i++) play(`${server.rtmp}/live/studio`)
  play(`${server.rtmp}/cameras/door`)
  const browser = await open()
  const seconds = (n) => (page) => page.waitForTimeout(n * 1000)
  await seconds(60)({ waitForTimeout: (n) => new Promise((done) => setTimeout(done, n)) }) // of history
  const desk = { viewport: { width: 1280, height: 800 } }
  const moving = async (page) => {
    await page.waitForFunction(() => document.querySelector('video')?.currentTime > 2)
    await page.waitForTimeout(1500)
  }
  const stream = `${server.admin}/#/streams/live%2Fstudio`
  const preview = async (page) => {
    for (const name of ['HTTP-FLV', 'fMP4', 'HLS']) await page.getByRole('button', { name, exact: true }).click()
    await page.waitForFunction(() => [...document.querySelectorAll('video')].every((v) => v.currentTime > 1 && v.readyState > 2))
    await page.waitForTimeout(2500)
  }
  await take(browser, 'console.png', server.admin, { ...desk, colorScheme: 'light' }, seconds(20))
  await take(browser, 'console-dark.png', stream, { viewport: { width: 1280, height: 1000 }, colorScheme: 'dark' }, preview)
  await take(browser, 'console-phone.png', server.admin, { viewport: { width: 390, height: 844 }, colorScheme: 'light' }, seconds(8))
  await take(browser, 'watch.png', `${server.http}/live/studio`, { ...desk, colorScheme: 'light' }, moving)
  await take(browser, 'watch-phone.png', `${server.http}/live/studio`, { viewport: { width: 390, height: 700 }, colorScheme: 'dark' }, moving)
  await take(browser, 'front.png', server.http, { viewport: { width: 900, height: 720 }, colorScheme: 'light' }, seconds(2))
  await take(browser, 'waiting.png', `${server.http}/live/tomorrow`, { viewport: { width: 900, height: 560 }, colorScheme: 'dark' }, seconds(8))
  await take(browser, 'connections.png', `${server.admin}/#/connections`, { viewport: { width: 1280, height: 640 }, colorScheme: 'light' }, seconds(4))
  await browser.close()
}

try {
  await main()
} catch (e) {
  console.error(e.message)
  process.exitCode = 1
} finally {
  await stop()
}
