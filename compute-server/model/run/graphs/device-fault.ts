/** What fails on a device, opened or run: its memory is full, or it was reset. The process is then done with the device. */
import { FailureError } from '../../../../protocol/wire/failures';
import type { DeviceId, RuntimeSession } from '../../../runtime/session';

export class DeviceFault extends FailureError {}

/** The session, whose failures name the device and the graph. */
export function onDevice(session: RuntimeSession, device: DeviceId, graph: string): RuntimeSession {
  return {
    ...session,
    async run(feeds, fetches, kept) {
      try {
        return await session.run(feeds, fetches, kept);
      } catch (error) {
        // Feeds that do not fit the graph are a fault of ours.
        if (error instanceof TypeError || error instanceof RangeError) throw error;
        throw faultOf(device, graph, error);
      }
    },
  };
}

export function faultOf(device: DeviceId, graph: string, error: unknown): DeviceFault {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  return new DeviceFault({
    code: 'device-unavailable',
    device,
    detail: `It failed in "${graph}", because its memory is full or it was reset (${line?.slice(0, 300).replace(/[.!]$/, '')}). Run it again, with a shorter prompt, or on the cpu.`,
  });
}
