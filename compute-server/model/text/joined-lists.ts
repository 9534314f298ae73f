import { TextFault } from './text-library';

/** Items that lists may have when they are joined: more than the messages of any chat and the tokens of any text here. */
const mostJoined = 2 ** 22;

/**
 * Of the thread of texts alone. A template that doubles a list asks for half of the heap in one step; V8 then ends the whole
 * process and not the thread ("Reached heap limit", node 20.20, seen on 2026-11-27 and 2026-11-28).
 */
export function limitJoinedLists(): void {
  const join = Array.prototype.concat as (this: readonly unknown[], ...more: unknown[]) => unknown[];
  Object.defineProperty(Array.prototype, 'concat', {
    configurable: true,
    writable: true,
    value: function concat(this: readonly unknown[], ...more: unknown[]): unknown[] {
      const items = more.reduce<number>((total, one) => total + (Array.isArray(one) ? one.length : 1), this.length);
      if (items > mostJoined)
        throw new TextFault(`a list grows to more than ${mostJoined.toLocaleString('en-US')} items`);
      return join.apply(this, more);
    },
  });
}
