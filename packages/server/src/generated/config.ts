// Made by scripts/generate-config.ts from schemas/config.json: change that file and run `npm run schemas`.
import type { ServerName } from '@hearth/protocol'
import type { SectionSchema } from '../config/settings.ts'

/** The settings of this process: complete, checked and frozen. Paths are absolute. */
export interface Config {
  /** The name in user ids (`@alice:server_name`). It cannot change once the database has been used. */
  readonly serverName: ServerName
  /** The base URL that clients use, as they see it from outside: behind a proxy it is the proxy's. */
  readonly publicUrl: string
  /** The addresses to listen on. Every API is served on each of them; an https address needs `tls`. */
  readonly listen: readonly string[]
  /** The certificate of the https addresses of `listen`. Both files are read again on SIGHUP. */
  readonly tls: {
    /** The certificate and its chain. */
    readonly certificate?: string
    /** The private key of the certificate. */
    readonly privateKey?: string
  }
  /** The proxies whose `X-Forwarded-For` header is believed. Empty: none, the address of the connection counts. */
  readonly trustedProxies: readonly string[]
  /** The directory of everything that is kept in files: the embedded PostgreSQL, the signing key, media. */
  readonly dataDir: string
  /** An external PostgreSQL, versions 15 to 18. Its database must have the collation C. */
  readonly databaseUrl?: string
  /** A Redis, over which several processes of one server hear of one another; it keeps nothing. They may share `data_dir`. One process needs none. */
  readonly redisUrl?: string
  /** The parts of the server that this process runs: the client API, what other servers ask, what is sent to them, media, and what goes on in the background. Each has to run on some process. */
  readonly roles: readonly ('all' | 'client' | 'federation-in' | 'federation-out' | 'media' | 'jobs')[]
  /** The least important kind of line that is logged. Lines are JSON on the standard output, pretty on a terminal. */
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  /** Who may open an account. */
  readonly registration: {
    /** `open`: anybody. `token`: whoever has a registration token. `closed`: nobody; administrators create accounts. */
    readonly mode: 'open' | 'token' | 'closed'
    /** Whether guests, who have no password and few rights, may come in. */
    readonly guests: boolean
    /** The terms that whoever registers has to agree to. A new version of them needs a new URL. */
    readonly termsUrl?: string
    /** Turns on Synapse's endpoint `/_synapse/admin/v1/register`, which creates accounts for whoever knows this secret. */
    readonly sharedSecret?: string
  }
  /** Whom people can ask for help with this server: published at `/.well-known/matrix/support`. */
  readonly support: {
    /** The user id of an administrator, better on another server. */
    readonly matrixId?: string
    /** The email address of an administrator. */
    readonly email?: string
    /** A page that helps. */
    readonly page?: string
  }
  /** Rooms. */
  readonly rooms: {
    /** The room version of a room whose creator asks for none. */
    readonly defaultVersion: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '11' | '12'
    /** Who may read the list of published rooms. `everyone`: other servers and people who are not logged in as well. `users`: who has an account here. */
    readonly directory: 'everyone' | 'users'
  }
  /** Talking to other servers. */
  readonly federation: {
    /** Whether rooms may be shared with other servers at all. */
    readonly enabled: boolean
    /** The servers to talk to. */
    readonly allow: readonly string[]
    /** The servers not to talk to, even when `federation.allow` names them. */
    readonly deny: readonly string[]
    /** The servers that are believed when they say what keys others have that do not answer. Whoever runs one could speak in the name of any server that this one does not know. */
    readonly notaries: readonly string[]
  }
  /** Requests that the server itself makes. */
  readonly network: {
    /** Certificate authorities to trust beside the usual ones. */
    readonly caFile?: string
    /** Lets requests reach loopback and private addresses: for tests and closed networks only. */
    readonly allowPrivateAddresses: boolean
  }
  /** Limits on how often an address or account may ask. */
  readonly rateLimits: {
    /** Whether there are any: only tests and benchmarks want none. */
    readonly enabled: boolean
  }
  /** The registration files of application services. */
  readonly appservices: readonly string[]
  /** Sending mail. */
  readonly mail: {
    /** The server that takes outgoing mail. */
    readonly smtpUrl?: string
    /** The sender of the mails. */
    readonly from?: string
  }
  /** Previews of the web pages that messages link to. The server visits them, so that pages do not learn who reads about them. */
  readonly urlPreviews: {
    /** Whether there are previews. Only public addresses are visited, whatever names resolve to, unless `network.allow_private_addresses` says otherwise. Off unless wanted: whoever posts a link makes the server visit it. */
    readonly enabled: boolean
    /** Hosts that are never visited. */
    readonly deny: readonly string[]
  }
  /** The files that users send, and those of other servers that are kept here. */
  readonly media: {
    /** Where files are kept, and where they are while they arrive. Several processes of one server share it, unless `media.s3` is set. */
    readonly directory?: string
    /** The largest file that is taken, of users and of other servers. */
    readonly maxUploadSize: string
    /** What all files that one user has sent may take together. Deleted ones count no longer. */
    readonly quotaPerUser?: string
    /** What the files that all users have sent may take together. */
    readonly quotaTotal?: string
    /** What files of other servers may take together. Those that were not asked for in the longest time go; they are fetched again when somebody wants them. */
    readonly remoteCacheSize: string
    /** Who gets files without an access token. `frozen`: what came while this was `open` is given to anybody, as old clients ask for it, and nothing that has come since. `open`: everything. */
    readonly unauthenticatedAccess: 'frozen' | 'open'
    /** An S3-compatible store that keeps the files instead of a directory. Used when `media.s3.bucket` is set. */
    readonly s3: {
      /** The bucket, which must be there and be used for nothing else. */
      readonly bucket?: string
      /** The store, where it is not Amazon's. */
      readonly endpoint?: string
      /** The region of the bucket, which stores other than Amazon's mostly do not care about. */
      readonly region: string
      /** The name of the key with which requests are signed. */
      readonly accessKeyId?: string
      /** The key with which requests are signed. */
      readonly secretAccessKey?: string
    }
  }
  /** The TURN servers that clients use for calls. */
  readonly turn: {
    /** The addresses of the TURN servers. */
    readonly uris: readonly string[]
    /** The secret shared with the TURN servers, from which short-lived passwords are made. */
    readonly sharedSecret?: string
  }
  /** Figures for Prometheus. */
  readonly metrics: {
    /** An address of its own for `GET /metrics`. */
    readonly listen?: string
  }
  /** The registration stage `m.login.recaptcha`. */
  readonly recaptcha: {
    /** The key that the page shows. */
    readonly publicKey?: string
    /** The key that the server checks answers with. */
    readonly privateKey?: string
    /** Where answers are checked. */
    readonly verifyUrl: string
  }
  /** Signing in through a CAS server. */
  readonly cas: {
    /** The base URL of the CAS server. */
    readonly serverUrl?: string
  }
}

/** schemas/config.json. */
export const configSchema: SectionSchema = {
  "description": "Every setting: its place in the YAML file, its type, what it may be, its default and what it does. The reader, its TypeScript type and docs/configuration.md are made from this file.",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "server_name": {
      "description": "The name in user ids (`@alice:server_name`). It cannot change once the database has been used.",
      "type": "string",
      "format": "mx-server-name",
      "default": "localhost",
      "examples": [
        "example.org"
      ],
      "x-allowed": "a host name or address, with an optional port, such as example.org or example.org:8448",
      "x-type": "ServerName"
    },
    "public_url": {
      "description": "The base URL that clients use, as they see it from outside: behind a proxy it is the proxy's.",
      "type": "string",
      "format": "http-url",
      "examples": [
        "https://matrix.example.org"
      ],
      "x-computed": true,
      "x-default": "the first URL of `listen`",
      "x-allowed": "an http or https URL without query and fragment, such as https://matrix.example.org"
    },
    "listen": {
      "description": "The addresses to listen on. Every API is served on each of them; an https address needs `tls`.",
      "type": "array",
      "items": {
        "type": "string",
        "format": "listen-url"
      },
      "minItems": 1,
      "uniqueItems": true,
      "default": [
        "http://127.0.0.1:8008"
      ],
      "examples": [
        "http://127.0.0.1:8008,https://[::]:8448"
      ],
      "x-allowed": "URLs of http or https, an address and a port, such as http://127.0.0.1:8008"
    },
    "tls": {
      "description": "The certificate of the https addresses of `listen`. Both files are read again on SIGHUP.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "certificate": {
          "description": "The certificate and its chain.",
          "type": "string",
          "format": "file",
          "x-allowed": "the path of a PEM file"
        },
        "private_key": {
          "description": "The private key of the certificate.",
          "type": "string",
          "format": "file",
          "x-allowed": "the path of a PEM file"
        }
      }
    },
    "trusted_proxies": {
      "description": "The proxies whose `X-Forwarded-For` header is believed. Empty: none, the address of the connection counts.",
      "type": "array",
      "items": {
        "type": "string",
        "format": "address-range"
      },
      "default": [
        "loopback"
      ],
      "examples": [
        "loopback,10.0.0.0/8"
      ],
      "x-allowed": "IP addresses, ranges such as 10.0.0.0/8, and the words loopback, linklocal and uniquelocal"
    },
    "data_dir": {
      "description": "The directory of everything that is kept in files: the embedded PostgreSQL, the signing key, media.",
      "type": "string",
      "format": "directory",
      "default": "./data",
      "x-allowed": "the path of a directory, which is made when it is missing"
    },
    "database_url": {
      "description": "An external PostgreSQL, versions 15 to 18. Its database must have the collation C.",
      "type": "string",
      "format": "postgres-url",
      "examples": [
        "postgres://hearth:secret@db.example.org/hearth"
      ],
      "x-default": "PostgreSQL embedded in `data_dir`",
      "x-environment": "DATABASE_URL",
      "x-secret": true,
      "x-allowed": "a URL that starts with postgres:// or postgresql://"
    },
    "redis_url": {
      "description": "A Redis, over which several processes of one server hear of one another; it keeps nothing. They may share `data_dir`. One process needs none.",
      "type": "string",
      "format": "redis-url",
      "examples": [
        "redis://127.0.0.1:6379"
      ],
      "x-environment": "REDIS_URL",
      "x-secret": true,
      "x-allowed": "a URL that starts with redis:// or rediss://"
    },
    "roles": {
      "description": "The parts of the server that this process runs: the client API, what other servers ask, what is sent to them, media, and what goes on in the background. Each has to run on some process.",
      "type": "array",
      "items": {
        "type": "string",
        "enum": [
          "all",
          "client",
          "federation-in",
          "federation-out",
          "media",
          "jobs"
        ]
      },
      "minItems": 1,
      "uniqueItems": true,
      "default": [
        "all"
      ]
    },
    "log_level": {
      "description": "The least important kind of line that is logged. Lines are JSON on the standard output, pretty on a terminal.",
      "type": "string",
      "enum": [
        "error",
        "warn",
        "info",
        "debug"
      ],
      "default": "info"
    },
    "registration": {
      "description": "Who may open an account.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "mode": {
          "description": "`open`: anybody. `token`: whoever has a registration token. `closed`: nobody; administrators create accounts.",
          "type": "string",
          "enum": [
            "open",
            "token",
            "closed"
          ],
          "default": "token"
        },
        "guests": {
          "description": "Whether guests, who have no password and few rights, may come in.",
          "type": "boolean",
          "default": false
        },
        "terms_url": {
          "description": "The terms that whoever registers has to agree to. A new version of them needs a new URL.",
          "type": "string",
          "format": "http-url",
          "examples": [
            "https://example.org/terms-2"
          ],
          "x-allowed": "an http or https URL without query and fragment"
        },
        "shared_secret": {
          "description": "Turns on Synapse's endpoint `/_synapse/admin/v1/register`, which creates accounts for whoever knows this secret.",
          "type": "string",
          "minLength": 1,
          "x-secret": true,
          "x-allowed": "a text that nobody can guess"
        }
      }
    },
    "support": {
      "description": "Whom people can ask for help with this server: published at `/.well-known/matrix/support`.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "matrix_id": {
          "description": "The user id of an administrator, better on another server.",
          "type": "string",
          "format": "mx-user-id",
          "examples": [
            "@admin:example.org"
          ],
          "x-allowed": "a user id such as @admin:example.org"
        },
        "email": {
          "description": "The email address of an administrator.",
          "type": "string",
          "format": "email",
          "examples": [
            "admin@example.org"
          ],
          "x-allowed": "an email address"
        },
        "page": {
          "description": "A page that helps.",
          "type": "string",
          "format": "http-url",
          "examples": [
            "https://example.org/support"
          ],
          "x-allowed": "an http or https URL without query and fragment"
        }
      }
    },
    "rooms": {
      "description": "Rooms.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "default_version": {
          "description": "The room version of a room whose creator asks for none.",
          "type": "string",
          "enum": [
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "8",
            "9",
            "10",
            "11",
            "12"
          ],
          "default": "12"
        },
        "directory": {
          "description": "Who may read the list of published rooms. `everyone`: other servers and people who are not logged in as well. `users`: who has an account here.",
          "type": "string",
          "enum": [
            "everyone",
            "users"
          ],
          "default": "everyone"
        }
      }
    },
    "federation": {
      "description": "Talking to other servers.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "enabled": {
          "description": "Whether rooms may be shared with other servers at all.",
          "type": "boolean",
          "default": true
        },
        "allow": {
          "description": "The servers to talk to.",
          "type": "array",
          "items": {
            "type": "string",
            "format": "server-pattern"
          },
          "uniqueItems": true,
          "default": [
            "*"
          ],
          "examples": [
            "*.example.org,matrix.org"
          ],
          "x-allowed": "server names, in which * stands for any text and ? for one character"
        },
        "deny": {
          "description": "The servers not to talk to, even when `federation.allow` names them.",
          "type": "array",
          "items": {
            "type": "string",
            "format": "server-pattern"
          },
          "uniqueItems": true,
          "default": [],
          "x-allowed": "server names, in which * stands for any text and ? for one character"
        },
        "notaries": {
          "description": "The servers that are believed when they say what keys others have that do not answer. Whoever runs one could speak in the name of any server that this one does not know.",
          "type": "array",
          "items": {
            "type": "string",
            "format": "mx-server-name"
          },
          "uniqueItems": true,
          "default": [
            "matrix.org"
          ],
          "x-allowed": "server names"
        }
      }
    },
    "network": {
      "description": "Requests that the server itself makes.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "ca_file": {
          "description": "Certificate authorities to trust beside the usual ones.",
          "type": "string",
          "format": "file",
          "x-allowed": "the path of a PEM file"
        },
        "allow_private_addresses": {
          "description": "Lets requests reach loopback and private addresses: for tests and closed networks only.",
          "type": "boolean",
          "default": false
        }
      }
    },
    "rate_limits": {
      "description": "Limits on how often an address or account may ask.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "enabled": {
          "description": "Whether there are any: only tests and benchmarks want none.",
          "type": "boolean",
          "default": true
        }
      }
    },
    "appservices": {
      "description": "The registration files of application services.",
      "type": "array",
      "items": {
        "type": "string",
        "format": "file"
      },
      "uniqueItems": true,
      "default": [],
      "x-reserved": true,
      "x-allowed": "paths of YAML files"
    },
    "mail": {
      "description": "Sending mail.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "smtp_url": {
          "description": "The server that takes outgoing mail.",
          "type": "string",
          "format": "smtp-url",
          "examples": [
            "smtps://user:secret@mail.example.org"
          ],
          "x-secret": true,
          "x-reserved": true,
          "x-allowed": "a URL that starts with smtp:// or smtps://"
        },
        "from": {
          "description": "The sender of the mails.",
          "type": "string",
          "format": "mail-address",
          "examples": [
            "hearth@example.org"
          ],
          "x-reserved": true,
          "x-allowed": "a mail address"
        }
      }
    },
    "url_previews": {
      "description": "Previews of the web pages that messages link to. The server visits them, so that pages do not learn who reads about them.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "enabled": {
          "description": "Whether there are previews. Only public addresses are visited, whatever names resolve to, unless `network.allow_private_addresses` says otherwise. Off unless wanted: whoever posts a link makes the server visit it.",
          "type": "boolean",
          "default": false
        },
        "deny": {
          "description": "Hosts that are never visited.",
          "type": "array",
          "items": {
            "type": "string",
            "format": "server-pattern"
          },
          "uniqueItems": true,
          "default": [],
          "examples": [
            "*.corp.example.org,wiki.example.org"
          ],
          "x-allowed": "names of hosts, in which * stands for any text and ? for one character"
        }
      }
    },
    "media": {
      "description": "The files that users send, and those of other servers that are kept here.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "directory": {
          "description": "Where files are kept, and where they are while they arrive. Several processes of one server share it, unless `media.s3` is set.",
          "type": "string",
          "format": "directory",
          "examples": [
            "/srv/hearth/media"
          ],
          "x-default": "the directory `media` in `data_dir`",
          "x-allowed": "the path of a directory, which is made when it is missing"
        },
        "max_upload_size": {
          "description": "The largest file that is taken, of users and of other servers.",
          "type": "string",
          "format": "byte-size",
          "default": "100M",
          "examples": [
            "1G"
          ],
          "x-allowed": "a number of bytes, with K, M or G for the units of 1024, such as 100M"
        },
        "quota_per_user": {
          "description": "What all files that one user has sent may take together. Deleted ones count no longer.",
          "type": "string",
          "format": "byte-size",
          "examples": [
            "2G"
          ],
          "x-default": "no limit",
          "x-allowed": "a number of bytes, with K, M or G for the units of 1024, such as 2G"
        },
        "quota_total": {
          "description": "What the files that all users have sent may take together.",
          "type": "string",
          "format": "byte-size",
          "examples": [
            "500G"
          ],
          "x-default": "no limit",
          "x-allowed": "a number of bytes, with K, M or G for the units of 1024, such as 500G"
        },
        "remote_cache_size": {
          "description": "What files of other servers may take together. Those that were not asked for in the longest time go; they are fetched again when somebody wants them.",
          "type": "string",
          "format": "byte-size",
          "default": "10G",
          "examples": [
            "50G"
          ],
          "x-allowed": "a number of bytes, with K, M or G for the units of 1024, such as 50G"
        },
        "unauthenticated_access": {
          "description": "Who gets files without an access token. `frozen`: what came while this was `open` is given to anybody, as old clients ask for it, and nothing that has come since. `open`: everything.",
          "type": "string",
          "enum": [
            "frozen",
            "open"
          ],
          "default": "frozen"
        },
        "s3": {
          "description": "An S3-compatible store that keeps the files instead of a directory. Used when `media.s3.bucket` is set.",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "bucket": {
              "description": "The bucket, which must be there and be used for nothing else.",
              "type": "string",
              "minLength": 1,
              "examples": [
                "hearth-media"
              ],
              "x-allowed": "the name of a bucket"
            },
            "endpoint": {
              "description": "The store, where it is not Amazon's.",
              "type": "string",
              "format": "http-url",
              "examples": [
                "https://s3.example.org"
              ],
              "x-allowed": "an http or https URL without query and fragment"
            },
            "region": {
              "description": "The region of the bucket, which stores other than Amazon's mostly do not care about.",
              "type": "string",
              "minLength": 1,
              "default": "us-east-1",
              "x-allowed": "the name of a region"
            },
            "access_key_id": {
              "description": "The name of the key with which requests are signed.",
              "type": "string",
              "minLength": 1,
              "x-default": "what Amazon's tools use: their environment variables and files",
              "x-allowed": "the id of an access key"
            },
            "secret_access_key": {
              "description": "The key with which requests are signed.",
              "type": "string",
              "minLength": 1,
              "x-secret": true,
              "x-allowed": "the secret of the access key"
            }
          }
        }
      }
    },
    "turn": {
      "description": "The TURN servers that clients use for calls.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "uris": {
          "description": "The addresses of the TURN servers.",
          "type": "array",
          "items": {
            "type": "string",
            "format": "turn-uri"
          },
          "uniqueItems": true,
          "default": [],
          "examples": [
            "turn:turn.example.org?transport=udp"
          ],
          "x-allowed": "URIs that start with turn:, turns: or stun:"
        },
        "shared_secret": {
          "description": "The secret shared with the TURN servers, from which short-lived passwords are made.",
          "type": "string",
          "minLength": 1,
          "x-secret": true,
          "x-allowed": "the text that the TURN servers are configured with"
        }
      }
    },
    "metrics": {
      "description": "Figures for Prometheus.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "listen": {
          "description": "An address of its own for `GET /metrics`.",
          "type": "string",
          "format": "http-listen-url",
          "examples": [
            "http://10.0.0.5:9100"
          ],
          "x-default": "none: the addresses of `listen` answer it, to loopback only",
          "x-allowed": "a URL of http, an address and a port, such as http://127.0.0.1:9100"
        }
      }
    },
    "recaptcha": {
      "description": "The registration stage `m.login.recaptcha`.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "public_key": {
          "description": "The key that the page shows.",
          "type": "string",
          "minLength": 1,
          "x-reserved": true,
          "x-allowed": "the site key of the captcha service"
        },
        "private_key": {
          "description": "The key that the server checks answers with.",
          "type": "string",
          "minLength": 1,
          "x-secret": true,
          "x-reserved": true,
          "x-allowed": "the secret key of the captcha service"
        },
        "verify_url": {
          "description": "Where answers are checked.",
          "type": "string",
          "format": "http-url",
          "default": "https://www.google.com/recaptcha/api/siteverify",
          "x-reserved": true,
          "x-allowed": "an http or https URL"
        }
      }
    },
    "cas": {
      "description": "Signing in through a CAS server.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "server_url": {
          "description": "The base URL of the CAS server.",
          "type": "string",
          "format": "http-url",
          "x-reserved": true,
          "x-allowed": "an http or https URL"
        }
      }
    }
  }
}
