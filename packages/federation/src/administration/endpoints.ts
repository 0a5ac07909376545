import type { Endpoints } from '@hearth/http'
import type { FederationAdministrationContext } from './context.ts'
import { getDestination } from './get-destination.ts'
import { listDestinationRooms } from './list-destination-rooms.ts'
import { listDestinations } from './list-destinations.ts'
import { resetConnection } from './reset-connection.ts'

/** The administration of federation, by operation. */
export const administrationEndpoints = {
  getDestination,
  listDestinationRooms,
  listDestinations,
  resetConnection,
} satisfies Endpoints<FederationAdministrationContext>
