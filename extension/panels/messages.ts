/** What a webview sends, before anything is done with it. */
import { check, type Schema } from '../../protocol/schema/check';

/** A script of the package sends nothing else: a message that is refused is a fault of Headscope. */
export function understood<T>(schema: Schema<T>, message: unknown): T {
  const checked = check(schema, message, 'The message');
  if (checked.ok) return checked.result;
  throw new Error(`The panel sent a message that the extension does not understand: ${checked.why}`);
}
