import '../shared/base.css'
import { startTheme } from '../shared/theme'
import { count, since } from '../shared/format'
import './home.css'

startTheme()

const page = document.getElementById('page')!
page.innerHTML = ''
const main = document.createElement('main')
const form = document.createElement('form')
form.innerHTML = `
  <h1>Watch a stream</h1>
  <p class="soft">Its name is all that is needed, as the person who streams gave it to you.</p>
  <label for="name">Stream</label>
  <div class="row">
    <input id="name" name="name" placeholder="live/studio" required autocomplete="off" autocapitalize="none" spellcheck="false" pattern="[^/ ]+/.+" title="An application and a name, as live/studio" />
    <button class="primary">Watch</button>
  </div>`
form.addEventListener('submit', (e) => {
  e.preventDefault()
  const name = form.querySelector('input')!.value.trim().replace(/^\/+/, '')
  location.href = '/' + name.split('/').map(encodeURIComponent).join('/')
})
const foot = document.createElement('p')
foot.className = 'soft small'
foot.textContent = 'This server runs Leat.'
main.append(form, foot)
page.append(main)

interface Listed { name: string; players: number; width?: number; height?: number; since: number }

// list shows the streams that the server names, if it names any.
async function list() {
  const answer = await fetch('/_/streams.json')
  if (!answer.ok) return
  const streams: Listed[] = await answer.json()
  document.getElementById('streams')?.remove()
  if (streams.length === 0) return
  const section = document.createElement('section')
  section.id = 'streams'
  const title = document.createElement('h2')
  title.textContent = 'Live now'
  const all = document.createElement('ul')
  for (const s of streams) {
    const link = document.createElement('a')
    link.href = '/' + s.name.split('/').map(encodeURIComponent).join('/')
    const name = document.createElement('strong')
    name.textContent = s.name
    const about = document.createElement('span')
    about.className = 'soft small'
    about.textContent = [s.width ? `${s.width}×${s.height}` : '', since(new Date(s.since).toISOString(), Date.now()), count(s.players, 'viewer')].filter(Boolean).join(' · ')
    link.append(name, about)
    const item = document.createElement('li')
    item.append(link)
    all.append(item)
  }
  section.append(title, all)
  main.insertBefore(section, form)
}

const refresh = () => void list().catch(() => undefined) // the form works without it
refresh()
setInterval(refresh, 10_000)
