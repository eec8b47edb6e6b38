import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import kotlin.system.exitProcess
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.GlobalScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** Uses the client of docs/swift-and-kotlin.md: sees everybody, a change, what changed while it was away, and a refusal. */
@OptIn(DelicateCoroutinesApi::class)
fun main(arguments: Array<String>): Unit = runBlocking {
    val (url, token, userId) = arguments
    val client = Rollcall(url, GlobalScope) { refused -> token.takeUnless { it == refused } }
    withTimeout(30_000) {
        client.connect()
        client.state.first { it == State.LIVE }
        check(client.users.value.keys == setOf(1L, 2L)) { client.users.value }
        request("PUT", "$url/users/me/status", token, """{"is_busy": true}""")
        client.users.first { it.getValue(userId.toLong()).isBusy }
        client.close()
        client.state.first { it == State.OFFLINE }
        request("PUT", "$url/users/me/status", token, """{"is_busy": false}""")
        client.connect()
        client.state.first { it == State.LIVE }
        client.users.first { !it.getValue(userId.toLong()).isBusy }
        client.close()
        val stranger = Rollcall(url, GlobalScope) { refused -> "not a token".takeUnless { it == refused } }
        stranger.connect()
        stranger.state.first { it == State.SIGNED_OUT }
    }
    println("watched")
    exitProcess(0)
}

private fun request(method: String, url: String, token: String, body: String) {
    val request = HttpRequest.newBuilder(URI(url)).header("Authorization", "Bearer $token")
        .method(method, HttpRequest.BodyPublishers.ofString(body)).build()
    check(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode() == 200)
}
