/** What the API server or the way to it refuses, as sentences with a next step. */
import { printableLine } from '../../../protocol/wire/printable';
import { EngineRefusal } from '../engine';

/** An answer of the API server with an error code; its body is a Status as text. */
interface Answer {
  readonly code: number;
  readonly body: unknown;
}

const isAnswer = (error: unknown): error is Answer =>
  error instanceof Error && 'body' in error && typeof (error as Partial<Answer>).code === 'number';

/** The code of an answer; undefined where there was none. */
export const codeOf = (error: unknown): number | undefined => (isAnswer(error) ? error.code : undefined);

/** The message of the Status that the server sends. */
export function messageOf(error: unknown): string {
  const { body } = isAnswer(error) ? error : { body: undefined };
  let status: unknown = body;
  if (typeof body === 'string') {
    try {
      status = JSON.parse(body);
    } catch {
      return printableLine(body.slice(0, 300));
    }
  }
  const message = (status as { readonly message?: unknown } | null | undefined)?.message;
  if (typeof message === 'string') return printableLine(message.slice(0, 600));
  return error instanceof Error ? printableLine(error.message.split('\n')[0] ?? '') : String(error);
}

export interface Place {
  readonly server: string;
  readonly namespace: string;
}

const ended = (text: string): string => text.replace(/\.?$/u, '.');

/** `doing`: the verb and object of a request, such as `create jobs`. */
export function refusalOf(error: unknown, doing: string, { server, namespace }: Place): EngineRefusal {
  if (error instanceof EngineRefusal) return error;
  const said = messageOf(error);
  switch (codeOf(error)) {
    case undefined:
      return new EngineRefusal(unreachable(error, server));
    case 401:
      return new EngineRefusal(
        `The API server ${server} does not accept your credentials. Log in to the cluster again, and check it with kubectl auth whoami.`,
      );
    case 403:
      if (/exceeded quota|(?:maximum|minimum) .*usage|LimitRange/iu.test(said)) {
        return new EngineRefusal(
          `The namespace ${namespace} does not allow what a cell needs: ${ended(said)} Lower the values under resources, or choose another namespace with kubernetes.namespace.`,
        );
      }
      return new EngineRefusal(
        `You may not ${doing} in the namespace ${namespace}: ${ended(said)} Ask for that right, or choose another namespace with kubernetes.namespace.`,
      );
    case 404:
      if (/^namespaces? /iu.test(said)) {
        return new EngineRefusal(
          `The cluster has no namespace ${namespace}. kubectl get namespaces lists them: correct kubernetes.namespace.`,
        );
      }
      return new EngineRefusal(
        `The API server ${server} does not find it (${said}). Check the address in your kubeconfig.`,
      );
    case 422:
    case 400:
      return new EngineRefusal(
        `Kubernetes refused the job: ${ended(said)} Correct the settings under kubernetes or resources.`,
      );
    default:
      return new EngineRefusal(
        `Kubernetes could not ${doing} (${codeOf(error)}: ${said}). Try again later. Jobs that were submitted keep running.`,
      );
  }
}

function unreachable(error: unknown, server: string): string {
  const { code, name, message = '' } = (error ?? {}) as { code?: unknown; name?: string; message?: string };
  const why = typeof code === 'string' ? code : printableLine(message.split('\n')[0] ?? '');
  if (/CERT_NOT_YET_VALID|CERT_HAS_EXPIRED|certificate (?:has expired|is not yet valid)/iu.test(`${why} ${message}`)) {
    return `The certificate of ${server} is not valid at the time of this machine (${why}). Check the clock of this machine, or log in to the cluster again.`;
  }
  if (name === 'AbortError' || name === 'TimeoutError' || (typeof code === 'string' && code.startsWith('E'))) {
    return `The API server ${server} does not answer (${why}). Check that kubectl cluster-info works here, or choose another context with kubernetes.context.`;
  }
  return `Kubernetes cannot be reached: ${ended(why)} Check that kubectl works here.`;
}
