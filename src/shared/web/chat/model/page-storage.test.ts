/** Goal: the page starts whatever it finds in the browser's storage. Method: storage that works, lies and refuses. */
import { expect, test } from "bun:test";
import { forgetPage, type KeyValues, type RememberedPage, readPage, writePage } from "./page-storage.ts";

const page: RememberedPage = {
  me: { user_id: "user_1", phone_number: "+14155550100", display_name: "Ada" },
  chats: [],
  people: [["user_2", { displayName: "Bob", phoneNumber: undefined }]],
};

function storage(): KeyValues {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
}

const refusing: KeyValues = {
  getItem: () => {
    throw new Error("SecurityError");
  },
  setItem: () => {
    throw new Error("QuotaExceededError");
  },
  removeItem: () => {
    throw new Error("SecurityError");
  },
};

test("what one user left is there for that user alone, until it is forgotten", () => {
  const values = storage();
  writePage(values, "user_1", page);
  expect(readPage(values, "user_1")?.me).toEqual(page.me);
  expect(readPage(values, "user_2")).toBeUndefined();
  forgetPage(values, "user_1");
  expect(readPage(values, "user_1")).toBeUndefined();
});

test("storage that refuses or holds something else is as good as empty", () => {
  expect(readPage(refusing, "user_1")).toBeUndefined();
  expect(() => writePage(refusing, "user_1", page)).not.toThrow();
  expect(() => forgetPage(refusing, "user_1")).not.toThrow();
  const values = storage();
  values.setItem("triplane.page.user_1", "{broken");
  expect(readPage(values, "user_1")).toBeUndefined();
});
