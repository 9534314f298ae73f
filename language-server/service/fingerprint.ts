import { createHash } from 'node:crypto';
import { findNodeAtOffset } from 'jsonc-parser';
import type { Finding } from './finding';
import type { JsonDocument } from './json-document';

/** A finding about a place, or about a file as a whole. */
export type Fingerprinted = Pick<Finding, 'code' | 'message'> & Partial<Pick<Finding, 'span'>>;

/**
 * What stays the same of a finding while the file around it changes: SHA-256 over its code, the JSON path of its place and its
 * message, as hexadecimal. Lines and columns are not in it.
 */
export const fingerprintOf = ({ code, message, span }: Fingerprinted, document: JsonDocument | undefined): string => {
  const root = document?.root;
  const node = root === undefined || span === undefined ? undefined : findNodeAtOffset(root, span.offset, true);
  const path = node === undefined || document === undefined ? [] : document.pathOf(node);
  return createHash('sha256')
    .update(JSON.stringify([code, path, message]))
    .digest('hex');
};
