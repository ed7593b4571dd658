// Reads one token with the vendor's npm package and checks its signature; the package ignores time.
// In, one line: {"token", "certificate"}
// Out, one line: {"parsed", "signed", "app_id", "issued_at", "ttl", "user_id", "privileges"}
const { AccessToken2, kChatServiceType } = require('agora-token/src/AccessToken2')

const { token, certificate } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const read = new AccessToken2('', '', 0, 0)
const parsed = read.from_string(token)
const chat = read.getServices(kChatServiceType)[0]
console.log(JSON.stringify({
  parsed,
  signed: read.verifySignature(certificate),
  app_id: read.appId.toString(),
  issued_at: read.issueTs,
  ttl: read.expire,
  user_id: chat ? chat.__user_id.toString() : null,
  privileges: chat ? chat.__privileges : {}
}))
