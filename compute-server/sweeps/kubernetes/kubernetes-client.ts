/**
 * The client of Kubernetes, which knows kubeconfig files, their ways to log in, and the types of the API. It is a bundle of its own, which
 * only a sweep with this engine loads.
 */
import {
  BatchV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  ServerConfiguration,
  VersionApi,
} from '@kubernetes/client-node';

export interface Connected {
  readonly batch: BatchV1Api;
  readonly core: CoreV1Api;
  readonly version: VersionApi;
  /** Address of the API server. */
  readonly server: string;
  /** Of the context; absent: it names none. */
  readonly namespace?: string;
}

export type Connection =
  | ({ readonly ok: true } & Connected)
  /** The kubeconfig has no such context, or its context no cluster. */
  | { readonly ok: false; readonly contexts: readonly string[] };

/** Milliseconds until a request that gets no answer is given up. */
const longestMs = 30_000;

/** `context`: absent for the current one. Throws what reading the kubeconfig throws. */
export function connect(context: string | undefined): Connection {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster) return { ok: false, contexts: config.getContexts().map(({ name }) => name) };
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre(request) {
          request.setSignal(AbortSignal.timeout(longestMs));
          return Promise.resolve(request);
        },
        post: (response) => Promise.resolve(response),
      },
    ],
  });
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return {
    ok: true,
    batch: new BatchV1Api(configuration),
    core: new CoreV1Api(configuration),
    version: new VersionApi(configuration),
    server: cluster.server,
    ...(namespace === undefined || namespace === '' ? {} : { namespace }),
  };
}
