/** What does not fit together in a description of captured tensors. Its form is checked by its JSON Schema, in VS Code itself. */
import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { captureFaults, captureFile } from '../../protocol/captures/capture-file';
import { check } from '../../protocol/schema/check';
import { parseJsonText } from '../../protocol/wire/json-text';
import { unreadable, type Span } from './json-document';

interface CaptureFinding {
  readonly message: string;
  readonly span: Span;
}

export function captureFindings(text: string): readonly CaptureFinding[] {
  if (unreadable(text) !== undefined) return [];
  const parsed = parseJsonText(text);
  const checked = parsed.ok ? check(captureFile, parsed.value) : parsed;
  const root = parseTree(text);
  if (!checked.ok || root === undefined) return [];
  return captureFaults(checked.result, parsed.ok ? parsed.value : undefined).map(({ path, message }) => {
    const { offset, length } = findNodeAtLocation(root, [...path]) ?? { offset: 0, length: 1 };
    return { message, span: { offset, length } };
  });
}
