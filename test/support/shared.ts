/**
 * What many test files use and is slow to start: opened when first asked for, closed once when the last one that uses it has
 * let go. Mocha's hooks hold everything until the run ends, so that the next file finds it open.
 */
export interface Shared<T> {
  readonly take: () => Promise<T>;
  readonly release: () => Promise<void>;
}

let held = false;
const opened = new Set<() => Promise<void>>();

export function shared<T>(open: () => Promise<T>, close: (thing: T) => Promise<void>): Shared<T> {
  let thing: Promise<T> | undefined;
  let users = 0;
  const end = async (): Promise<void> => {
    const ending = thing;
    thing = undefined;
    opened.delete(end);
    if (ending !== undefined) await close(await ending);
  };
  return {
    take() {
      users += 1;
      if (thing === undefined) {
        thing = open();
        opened.add(end);
        // What did not open is tried again by the next one.
        thing.catch(() => {
          thing = undefined;
          opened.delete(end);
        });
      }
      return thing;
    },
    async release() {
      users -= 1;
      if (users <= 0 && !held) await end();
    },
  };
}

/** From now on nothing is closed before `closeShared`. */
export function holdShared(): void {
  held = true;
}

/** Last opened, first closed: a window before its server. */
export async function closeShared(): Promise<void> {
  held = false;
  for (const end of [...opened].toReversed()) await end();
}
