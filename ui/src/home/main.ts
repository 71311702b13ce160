import '../shared/base.css'
import { startTheme } from '../shared/theme'
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
