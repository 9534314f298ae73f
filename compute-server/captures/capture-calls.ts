/** Calls that read captured tensors: one at a time with those that run models, the last capture kept open. */
import { alone, jobAlone, type Lane } from '../dispatch/lane';
import type { Surroundings } from '../surroundings';
import { captureStamp, readCapture, type Capture } from './read-capture';

export interface CaptureCalls {
  readonly once: <T>(path: string, signal: AbortSignal, act: (capture: Capture) => Promise<T>) => Promise<T>;
  readonly job: <P, R>(
    path: string,
    signal: AbortSignal,
    start: (capture: Capture) => AsyncGenerator<P, R, void>,
  ) => AsyncGenerator<P, R, void>;
}

export function captureCalls({ memoryLimit }: Pick<Surroundings, 'memoryLimit'>, lane: Lane): CaptureCalls {
  let open: { readonly stamp: string; readonly capture: Capture } | undefined;
  const capture = async (path: string): Promise<Capture> => {
    const stamp = await captureStamp(path);
    if (open?.capture.path === path && open.stamp === stamp) return open.capture;
    open = undefined;
    const read = await readCapture(path, memoryLimit);
    open = { stamp, capture: read };
    return read;
  };
  return {
    once: (path, signal, act) => alone(lane, signal, async () => act(await capture(path))),
    job: (path, signal, start) =>
      jobAlone(
        lane,
        signal,
        async function* () {
          return yield* start(await capture(path));
        },
        { name: 'reading captured attention' },
      ),
  };
}
