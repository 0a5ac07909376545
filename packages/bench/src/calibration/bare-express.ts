/** The program that the calibration measures: Express with the route of a send and nothing behind it. */
import type { AddressInfo } from 'node:net'
import express from 'express'

const application = express()
application.use(express.json())
application.put('/_matrix/client/v3/rooms/:roomId/send/:eventType/:txnId', (_request, response) => {
  response.json({ event_id: '$143273582443PhrSnabcdefghijklmnopqrstuvwxyz' })
})
const server = application.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
