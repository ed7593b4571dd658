// Builds one token with the vendor's npm package.
// In, one line: {"app_id", "certificate", "user_id": TEXT or null for an App token, "ttl": seconds}
// Out, one line: {"token"}
const { ChatTokenBuilder } = require('agora-token')

const { app_id, certificate, user_id, ttl } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const token = user_id === null
  ? ChatTokenBuilder.buildAppToken(app_id, certificate, ttl)
  : ChatTokenBuilder.buildUserToken(app_id, certificate, user_id, ttl)
console.log(JSON.stringify({ token }))
