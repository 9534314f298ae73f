import assert from 'node:assert/strict';
import { FailureError } from '../../../../protocol/wire/failures';
import type { Failure } from '../../../../protocol/wire/failures';

/** The failure with which a call rejects; fails the test when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    (result) => assert.fail(`the call gave ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FailureError, String(error));
  return error.failure;
}
