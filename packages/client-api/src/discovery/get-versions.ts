import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/**
 * The versions in whose words the server answers. A module that it does not offer yet it answers with M_UNRECOGNIZED, as
 * the specification has it, and says so in its capabilities. Clients go by the newest version that they know, and several
 * refuse servers without 1.5. Later versions are listed when what they add is offered.
 */
const versions = [
  'r0.0.1',
  'r0.1.0',
  'r0.2.0',
  'r0.3.0',
  'r0.4.0',
  'r0.5.0',
  'r0.6.0',
  'r0.6.1',
  'v1.1',
  'v1.2',
  'v1.3',
  'v1.4',
  'v1.5',
  'v1.6',
  'v1.7',
  'v1.8',
  'v1.9',
  'v1.10',
  'v1.11',
  'v1.12',
]

/**
 * What the server offers of proposals, and of later versions, by the names under which clients look for it. Of mutual rooms
 * and of any fields in profiles they look for no other.
 */
const unstableFeatures = {
  'org.matrix.msc3391': true,
  'uk.half-shot.msc2666.query_mutual_rooms': true,
  'uk.tcpip.msc4133.stable': true,
}

/** The versions of the specification. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions} */
export const getVersions = endpoint({
  method: 'GET',
  path: '/_matrix/client/versions',
  auth: 'none',
  response: s.object({ versions: s.array(s.string), unstable_features: s.record(s.boolean) }),
  handle() {
    return { versions, unstable_features: unstableFeatures }
  },
})
