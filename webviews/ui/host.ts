/**
 * The bridge between a panel and the extension. The panel speaks first: `connect` posts `ready` with the name of the page, and the extension answers
 * with everything needed to draw. View state goes through `setState`, so that it survives a reload and a moved tab.
 */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare global {
  function acquireVsCodeApi(): VsCodeApi;
}

export interface Host<To, From, State> {
  post(message: From): void;
  /** Listens, then says `ready`; call it once, when the panel can take the answer. */
  connect(listener: (message: To) => void, ready: From): void;
  /** What the panel kept at its last visit; undefined when nothing usable is there. */
  restore(): State | undefined;
  keep(state: State): void;
}

/** `parse` decides what of a kept state is still usable: it may have been written by another version of the panel. */
export function acquireHost<To extends { readonly kind: string }, From, State>(
  parse: (kept: unknown) => State | undefined,
): Host<To, From, State> {
  const api = acquireVsCodeApi();
  return {
    post: (message) => api.postMessage(message),
    connect: (listener, ready) => {
      window.addEventListener('message', (event: MessageEvent<unknown>) => {
        if (hasKind(event.data)) listener(event.data as To);
      });
      const { page } = document.getElementById('root')?.dataset ?? {};
      api.postMessage(page === undefined ? ready : { ...ready, page });
    },
    ...keeping(api, parse),
  };
}

/** The view of the side bar shows one panel after the other in the same webview, so there each keeps its own state. */
function keeping<State>(
  api: VsCodeApi,
  parse: (kept: unknown) => State | undefined,
): Pick<Host<unknown, unknown, State>, 'restore' | 'keep'> {
  const { panel, place } = document.getElementById('root')?.dataset ?? {};
  if (place !== 'side' || panel === undefined)
    return { restore: () => parse(api.getState()), keep: (state) => api.setState(state) };
  return {
    restore: () => parse(fieldsIn(api.getState())[panel]),
    keep: (state) => api.setState({ ...fieldsIn(api.getState()), [panel]: state }),
  };
}

/** What stands in a value that another version may have written. */
export const fieldsIn = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};

const hasKind = (value: unknown): value is { readonly kind: string } =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
