import { login } from '../client/registration.ts'
import { timed } from '../load/concurrency.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

/** One login after the other, each with a new device. */
export const passwordLogin: Scenario = {
  name: 'login',
  summary: 'A login with a password, one after the other.',

  async run(bench: Bench): Promise<Measurements> {
    const account = await bench.population.account()
    const durations: number[] = []
    for (let turn = 0; turn < bench.scale.logins; turn++) {
      durations.push(await timed(() => login(bench.http, account)))
    }
    return { login: median(durations) }
  },
}
