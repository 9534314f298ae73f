/** The properties of an element: those that the panel sets (never by an attribute of the page), and its own state. */
import type { PropertyDeclarations } from 'lit';

export const properties = (given: readonly string[], own: readonly string[] = []): PropertyDeclarations => ({
  ...Object.fromEntries(given.map((name) => [name, { attribute: false }])),
  ...Object.fromEntries(own.map((name) => [name, { state: true }])),
});
