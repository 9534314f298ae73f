/**
 * Pictures through the decoder's process, which stays for the next one and is killed when a picture takes too long or too
 * much memory.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError, type Failure, refusal } from '../../protocol/wire/failures';
import { limitOf, overdue } from '../../protocol/wire/time-limit';
import { processorSeconds } from '../processes/processor-time';
import { exitInWords } from '../processes/exit-words';
import type { DecodedPicture } from './decode';
import type { FromDecoder, ToDecoder } from './decoder';

export interface PictureLimits {
  /** Bytes that decoding may take by the header, beside the decoder's own limit. */
  readonly memoryLimit?: number | undefined;
  /** Longest computing time of any picture, and what each million pixels adds to it: twenty times what an old machine needs. */
  readonly seconds?: number;
  readonly secondsPerMillion?: number;
}

/** Resident bytes past which the process is killed, on Linux: half again what headers allow, for Node and its garbage. */
const mostResident = 1_600_000_000;
const sampleMs = 100;
const startMs = 60_000;
/** The process ends when no picture has come for so long. */
const idleMs = 20_000;

/** In the bundle its script is in the same folder; from sources it is the file itself. */
const script = join(__dirname, __filename.endsWith('.ts') ? 'decoder.ts' : 'picture-decoder.js');

/** One at a time: pictures share the process and its memory. */
let last: Promise<unknown> = Promise.resolve();
let warm: Decoder | undefined;
// In the middle of a picture it would not hear that nobody waits any longer.
process.once('exit', () => endDecoder());

export function readPicture(path: string, limits: PictureLimits = {}): Promise<DecodedPicture> {
  const reading = last.then(() => readNow(path, limits));
  last = reading.catch(() => {});
  return reading;
}

async function readNow(path: string, limits: PictureLimits): Promise<DecodedPicture> {
  if (warm?.usable !== true) warm = await Decoder.start();
  return warm.read(path, limits);
}

/** Ends the process now, if there is one. */
export function endDecoder(): void {
  warm?.end();
  warm = undefined;
}

class Decoder {
  usable = true;
  private errors = '';
  private listener: ((message: FromDecoder | { readonly kind: 'gone'; readonly why: string }) => void) | undefined;
  private idle: NodeJS.Timeout | undefined;

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors = (this.errors + text).slice(-2000)));
    child.on('message', (message) => this.listener?.(message as FromDecoder));
    const gone = (why: string) => {
      this.usable = false;
      this.listener?.({ kind: 'gone', why });
    };
    child.on('error', (error) => gone(error.message));
    child.on('close', (code, signal) => gone(exitInWords(code, signal, this.errors)));
    this.hold(false);
  }

  static start(): Promise<Decoder> {
    const decoder = new Decoder(
      fork(script, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }),
    );
    return new Promise((resolve, reject) => {
      const fail = (detail: string) => {
        decoder.end();
        reject(new FailureError({ code: 'internal', detail: `the decoder of pictures does not start: ${detail}` }));
      };
      const clock = setTimeout(() => fail('it takes too long'), startMs);
      decoder.hold(true);
      decoder.listener = (message) => {
        clearTimeout(clock);
        if (message.kind === 'gone') fail(message.why);
        else resolve(decoder);
      };
    });
  }

  read(path: string, { memoryLimit, seconds = 4, secondsPerMillion = 0.5 }: PictureLimits): Promise<DecodedPicture> {
    clearTimeout(this.idle);
    this.hold(true);
    let allowed = seconds;
    const start = performance.now();
    const before = processorSeconds(this.child.pid) ?? 0;
    return new Promise<DecodedPicture>((resolve, reject) => {
      const stop = (why: string, next: string) => {
        this.end();
        reject(refusal(`The image ${path} was given up: ${why}. ${next}`));
      };
      const watch = setInterval(() => {
        const used = processorSeconds(this.child.pid);
        const waited = (performance.now() - start) / 1000;
        const passed = overdue(limitOf(allowed), { computed: used === undefined ? used : used - before, waited });
        if (passed !== undefined) {
          stop(
            `decoding it took longer than ${Number(passed.toPrecision(2))} s`,
            'Open it in an image program and save it again.',
          );
        } else if (residentBytes(this.child.pid) > mostResident) {
          stop('decoding it took too much memory', 'Scale it down.');
        }
      }, sampleMs);
      this.listener = (message) => {
        switch (message.kind) {
          case 'ready':
            break;
          case 'size':
            allowed = seconds + (secondsPerMillion * message.pixels) / 1e6;
            return;
          case 'picture':
            resolve(message.picture);
            break;
          case 'failure':
            if (message.stumbled) this.end();
            reject(new FailureError(message.failure satisfies Failure));
            break;
          case 'gone':
            reject(
              refusal(`The image ${path} was given up: its decoder ended (${message.why}). Save it again as PNG.`),
            );
            break;
        }
        clearInterval(watch);
      };
      this.child.send({ path, memoryLimit } satisfies ToDecoder, (error) => {
        if (error) this.listener?.({ kind: 'gone', why: error.message });
      });
    }).finally(() => {
      this.hold(false);
      this.idle = setTimeout(() => this.end(), idleMs).unref();
    });
  }

  /** Whether this process waits for the decoder: a warm one keeps nobody from ending. */
  private hold(held: boolean): void {
    if (held) {
      this.child.ref();
      this.child.channel?.ref();
    } else {
      this.child.unref();
      this.child.channel?.unref();
    }
    const errors = this.child.stderr as { ref?: () => void; unref?: () => void } | null;
    if (held) errors?.ref?.();
    else errors?.unref?.();
  }

  end(): void {
    this.usable = false;
    this.child.kill('SIGKILL');
  }
}

/** 0 where the system does not report it: the header's bound holds there. */
function residentBytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
