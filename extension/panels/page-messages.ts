/** Which messages of a webview are of the page that it shows now. */
import { fieldsIn } from '../../protocol/schema/fields';

/**
 * A webview that shows another page from now on may still bring messages of the page before, its `ready` among them. So a page says in
 * its `ready` the name that it was made with (`data-page`), and nothing is heard before that. Gives what is for the host.
 */
export function messagesOf(page: string): (message: unknown) => unknown {
  let named = false;
  return (message) => {
    const fields = fieldsIn(message);
    if (fields['kind'] !== 'ready') return named ? message : undefined;
    const { page: name, ...ready } = fields;
    if (name !== page) return undefined;
    named = true;
    return ready;
  };
}
