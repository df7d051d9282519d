/** Names of users, and the numbers they were found by (the server never tells those). */
export interface Person {
  readonly displayName: string | null;
  readonly phoneNumber: string | undefined;
}

export type People = ReadonlyMap<string, Person>;

export interface NamedUser {
  readonly user_id: string;
  readonly display_name: string | null;
  readonly phone_number?: string;
}

/** The same map where nothing is new. */
export function withPeople(people: People, users: readonly NamedUser[]): People {
  let changed: Map<string, Person> | undefined;
  for (const { user_id, display_name, phone_number } of users) {
    const known = people.get(user_id);
    const person = { displayName: display_name, phoneNumber: phone_number ?? known?.phoneNumber };
    if (known?.displayName === person.displayName && known.phoneNumber === person.phoneNumber) continue;
    changed ??= new Map(people);
    changed.set(user_id, person);
  }
  return changed ?? people;
}

/** How a user is called here: by name, else by number, else by the end of the id. */
export function personName(people: People, userId: string): string {
  const person = people.get(userId);
  return person?.displayName ?? person?.phoneNumber ?? `User ${userId.slice(-4)}`;
}
