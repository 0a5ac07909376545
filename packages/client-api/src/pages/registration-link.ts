/**
 * Where a person creates an account with a registration token. What follows the # stays in the browser: it is in no
 * request and so in no log on the way.
 */
export function registrationLink(publicUrl: string, registrationToken: string): string {
  return `${publicUrl.replace(/\/$/, '')}/_matrix/static/client/register/#${registrationToken}`
}
