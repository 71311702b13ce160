// The theme is the system's until a person chooses one, which the browser keeps.

export type Theme = 'light' | 'dark'

const key = 'leat.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')

function chosen(): Theme | null {
  try {
    const value = localStorage.getItem(key)
    return value === 'light' || value === 'dark' ? value : null
  } catch {
    return null // storage is forbidden
  }
}

export function theme(): Theme {
  return chosen() ?? (dark.matches ? 'dark' : 'light')
}

function apply() {
  document.documentElement.dataset.theme = theme()
  dispatchEvent(new Event('themechange'))
}

// startTheme applies the theme, and follows the system.
export function startTheme() {
  apply()
  dark.addEventListener('change', apply)
}

export function toggleTheme() {
  try {
    localStorage.setItem(key, theme() === 'dark' ? 'light' : 'dark')
  } catch {
    // It lasts as long as the page then.
  }
  apply()
}
