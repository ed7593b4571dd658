// Runs one of the vendor's chat SDKs on a page, as a browser does, and does what it is told.
// Arguments: the SDK's package. The page's origin is none of the gateway's, so that CORS counts.
//
// In, JSON lines:
//   {"id", "do": "connection", "as": NAME, "options": {...}, "discovery": [URL, ...] or absent}
//   {"id", "do": "call", "as": NAME, "method": METHOD, "arguments": [...]}
//   {"id", "do": "send", "as": NAME, "message": {...}, "file": {"name", "type", "text"} or absent}
//   {"id", "do": "fetch", "url": URL, "headers": {...}}
//   {"id", "do": "token", "app_id", "certificate", "user", "ttl": seconds}
// Out, JSON lines:
//   {"id", "ok": VALUE} or {"id", "error": {"type", "message"}}
//   {"as": NAME, "event": HANDLER, "data": VALUE}
const fs = require('fs')
const readline = require('readline')
const { ChatTokenBuilder } = require('agora-token')
const { JSDOM, VirtualConsole } = require('jsdom')

const page = open(process.argv[2])
const websdk = page.websdk.default ?? page.websdk
websdk.logger?.disableAll?.()
const connections = new Map()

const deeds = {
  connection({ as, options, discovery }) {
    const connection = new websdk.connection({ https: true, ...options })
    if (discovery) {
      // In production these are the names that DNS points to the gateways.
      connection.dnsArr = discovery
      connection.dnsTotal = discovery.length
    }
    connection.addEventHandler('test', new Proxy({}, {
      get: (_, event) => data => tell({ as, event, data }),
    }))
    connections.set(as, connection)
  },

  call({ as, method, arguments: given }) {
    return connections.get(as)[method](...given)
  },

  send({ as, message, file }) {
    if (file) {
      const data = new page.File([file.text], file.name, { type: file.type })
      message = { ...message, file: { data, filename: file.name, filetype: file.type } }
    }
    return connections.get(as).send(websdk.message.create(message))
  },

  token({ app_id, certificate, user, ttl }) {
    return ChatTokenBuilder.buildUserToken(app_id, certificate, user, ttl)
  },

  fetch({ url, headers }) {
    return new Promise((resolve, reject) => {
      const call = new page.XMLHttpRequest()
      call.open('GET', url)
      for (const [name, value] of Object.entries(headers)) call.setRequestHeader(name, value)
      call.onload = () => resolve({ status: call.status, text: call.responseText })
      call.onerror = () => reject({ type: -1, message: 'the page may not read the answer' })
      call.send()
    })
  },
}

readline.createInterface({ input: process.stdin })
  .on('line', async line => {
    const { id, do: deed, ...given } = JSON.parse(line)
    try {
      tell({ id, ok: await deeds[deed](given) ?? null })
    } catch (error) {
      tell({ id, error: { type: error?.type ?? null, message: String(error?.message ?? error) } })
    }
  })
  .on('close', () => process.exit(0))

/** A window with the SDK's script in it. */
function open(name) {
  const quiet = new VirtualConsole()
  const { window } = new JSDOM('', {
    url: 'https://chat.test/',
    runScripts: 'outside-only',
    virtualConsole: quiet,
  })
  window.eval(fs.readFileSync(require.resolve(name), 'utf8'))
  return window
}

function tell(value) {
  process.stdout.write(JSON.stringify(value, plain) + '\n')
}

/** Without what cannot be written as JSON. */
function plain(key, value) {
  return typeof value === 'function' || key === 'xhr' || key === 'target' ? undefined : value
}
